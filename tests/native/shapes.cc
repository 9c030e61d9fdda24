// A program whose threads stand still in nested, inlined and recursive calls.
#include <algorithm>
#include <cstdio>
#include <functional>
#include <map>
#include <string>
#include <thread>
#include <unistd.h>
#include <vector>

static volatile int sink;

namespace shop {

struct Gate {
	virtual ~Gate() {}
	virtual int enter(int depth) = 0;
};

template <class Key> struct Till : Gate {
	std::map<Key, std::vector<int>> rows;
	inline __attribute__((always_inline)) int wait_inside(int depth)
	{
		sink = depth;
		pause();
		return sink;
	}
	__attribute__((noinline)) int enter(int depth) override
	{
		if (depth > 0)
			return enter(depth - 1) + 1;
		return wait_inside(depth) + 1;
	}
};

static __attribute__((noinline)) int with_lambda(Gate &gate)
{
	std::vector<int> v{3, 1, 2};
	int sum = 0;

	std::for_each(v.begin(), v.end(), [&](int x) {
		if (x == 1)
			sum += gate.enter(4);
		sum += x;
	});
	return sum;
}

} // namespace shop

int main()
{
	shop::Till<std::string> till;
	std::function<int()> call = [&] { return shop::with_lambda(till); };
	std::thread first([&] { sink = call(); });
	std::thread second([&] { sink = till.enter(1); });

	puts("ready");
	fflush(stdout);
	sink = shop::with_lambda(till);
	first.join();
	second.join();
}
