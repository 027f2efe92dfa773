// The zone of notebook 07a that takes files, dropped or chosen: it hands their names and bytes to Python.

const ZONE = `
  <label><input type="file" multiple>Choose spectra</label>
  <span>or drop files here</span>
  <p role="status"></p>`;
const MIB = 2 ** 20;
const MESSAGE_ROOM = 1024; // bytes a file, for its name

function render({ model, el }) {
  el.classList.add("drop-zone");
  el.innerHTML = ZONE;
  const input = el.querySelector("input");
  const status = el.querySelector("p");
  const mark = (over) => el.classList.toggle("over", over);

  async function take(files) {
    const size = files.reduce((sum, file) => sum + file.size + MESSAGE_ROOM, 0);
    const limit = model.get("limit_mib");
    if (size > limit * MIB) {
      status.textContent = `Nothing taken: ${(size / MIB).toFixed(1)} MiB, the limit is ${limit} MiB at once.`;
      return;
    }
    const read = await Promise.allSettled(files.map((file) => file.arrayBuffer()));
    const taken = files.filter((_, at) => read[at].status === "fulfilled");
    const failed = files.filter((file) => !taken.includes(file)).map((file) => file.name);
    const problem = failed.length ? ` Not readable (a folder goes in as a zip): ${failed.join(", ")}` : "";
    status.textContent = `Files taken: ${taken.length}.${problem}`;
    if (taken.length) {
      const buffers = read.filter((one) => one.status === "fulfilled").map((one) => one.value);
      model.send({ names: taken.map((file) => file.name) }, undefined, buffers);
    }
  }

  input.addEventListener("change", () => {
    const files = [...input.files];
    input.value = ""; // so that the same file can be chosen again after it was mended
    take(files);
  });
  el.addEventListener("dragover", (event) => {
    event.preventDefault();
    mark(true);
  });
  el.addEventListener("dragleave", (event) => mark(el.contains(event.relatedTarget)));
  el.addEventListener("drop", (event) => {
    event.preventDefault();
    mark(false);
    take([...event.dataTransfer.files]);
  });
}

export default { render };
