// Uses a flame graph page as a reader would and leaves what was seen in #seen.
(function () {
	"use strict";
	const seen = { errors: [] };
	window.addEventListener("error", event => seen.errors.push(String(event.message)));
	const by = id => document.getElementById(id);
	const boxes = () => [...document.querySelectorAll(".f")];
	const root = () => boxes().find(box => box.dataset.id === "0");
	const width = box => box.getBoundingClientRect().width;
	const type = text => {
		by("search").value = text;
		by("search").dispatchEvent(new Event("input"));
	};
	const data = JSON.parse(by("data").textContent);
	const sum = k => data.nodes.reduce((all, node) => all + node[k], 0);

	seen.bytes = sum(2);
	seen.blocks = sum(3);
	seen.old = sum(4);

	// The widest of the oldest frames: its name and, from its title, its size.
	const rowOf = box => Math.round(parseFloat(box.style.top) / 18);
	const first = boxes().filter(box => rowOf(box) === 1)
		.reduce((a, b) => (width(b) > width(a) ? b : a));
	first.dispatchEvent(new MouseEvent("mouseover", { bubbles: true }));
	const name = first.title.split(" \u2014 ")[0];
	seen.first = name;
	const names = data.names.map(n => (typeof n === "string" ? n : n[0]));
	let within = false;
	seen.first_bytes = 0;
	for (const node of data.nodes) {
		if (node[0] === 1)
			within = names[node[1]] === name;
		if (within)
			seen.first_bytes += node[2];
	}

	// A click gives it the whole width; Escape goes back.
	const before = width(first), id = first.dataset.id;
	first.click();
	const zoomed = boxes().find(box => box.dataset.id === id);
	seen.zoomed_width = width(zoomed) > before &&
		Math.abs(width(zoomed) - by("flame").clientWidth) < 1;
	document.dispatchEvent(new KeyboardEvent("keydown", { key: "Escape" }));
	seen.reset = Math.abs(width(boxes().find(box => box.dataset.id === id)) - before) < 1 &&
		by("reset").disabled;

	type(name.toUpperCase());
	seen.found = boxes().some(box => box.classList.contains("found")) &&
		/^found .*%$/.test(by("found").textContent);
	type("no such name anywhere");
	seen.found_none = !boxes().some(box => box.classList.contains("found")) &&
		by("found").textContent.startsWith("found 0 B");
	type("");

	// Red is what has grown; what is gone is blue, in the baseline's widths.
	const coloured = pattern => boxes().some(box => pattern.test(box.style.background));
	const red = coloured(/rgb\(255, (\d+), \1\)/);
	const wide = () => boxes().map(box => box.dataset.id + ":" + box.style.width).join();
	const bytes = wide();
	document.querySelector("[data-unit='1']").click();
	const blocks = wide();
	document.querySelector("[data-side='2']").click();
	seen.red_and_blue = red && coloured(/rgb\((\d+), \1, 255\)/);
	seen.widths = bytes !== blocks && blocks !== wide() && width(root()) > 0;

	const out = document.createElement("pre");
	out.id = "seen";
	out.textContent = JSON.stringify(seen);
	document.body.append(out);
})();
