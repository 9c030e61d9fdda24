// Allocates in C for Go, as it is told, a line each, and says when it did.
package main

/*
#include <stdlib.h>
#include <unistd.h>

extern void goBack(int n);

static void hold(int n)
{
	*(volatile char *)malloc(n) = 1;
}

static void back(int n)
{
	goBack(n);
}

static int nap(int fd)
{
	char c;

	return (int)read(fd, &c, 1);
}
*/
import "C"

import (
	"bufio"
	"fmt"
	"os"
	"sync"
)

//go:noinline
func flat(n int) {
	for i := 0; i < n; i++ {
		C.hold(1000)
	}
}

// Its stack is copied to a larger one on the way.
//
//go:noinline
func deep(n, depth int) int {
	var room [64]int

	room[depth%64] = n
	if depth == 0 {
		C.hold(2000)
		return room[0]
	}
	return deep(n, depth-1) + room[depth%64]
}

//export goBack
func goBack(n C.int) {
	C.hold(n)
}

//go:noinline
func called(n int) {
	for i := 0; i < n; i++ {
		C.back(3000)
	}
}

//go:noinline
func parallel(n int) {
	var all sync.WaitGroup

	for i := 0; i < 8; i++ {
		all.Add(1)
		go func() {
			for k := 0; k < n; k++ {
				C.hold(4000)
			}
			all.Done()
		}()
	}
	all.Wait()
}

//go:noinline
func asleep(fd int) {
	C.nap(C.int(fd))
}

func main() {
	read, write, _ := os.Pipe()
	in := bufio.NewScanner(os.Stdin)

	fmt.Println("ready")
	for in.Scan() {
		switch in.Text() {
		case "flat":
			flat(500)
		case "deep":
			for i := 0; i < 20; i++ {
				deep(i, 60)
			}
		case "called":
			called(100)
		case "parallel":
			parallel(200)
		case "nap":
			go asleep(int(read.Fd()))
		case "wake":
			write.Write([]byte{1})
		}
		fmt.Println("done")
	}
}
