// Pictures that are put beside a prompt: chosen, dropped or pasted. They are read here and sent as data.

const TYPES = ["image/png", "image/jpeg", "image/webp", "image/gif"];
const MOST_BYTES = 10_000_000;

export class Attached {
  images = [];
  #reading = Promise.resolve();
  #list;
  #tell;

  /** `tell(word)` says what could not be taken: `noImage` or `tooLarge`. */
  constructor(list, tell) {
    this.#list = list;
    this.#tell = tell;
  }

  /** One after the other, however many are given at once. */
  add(files) {
    const given = [...files];
    this.#reading = this.#reading.then(() => this.#read(given));
    return this.#reading;
  }

  /** Until all that was given has been read. */
  whole() {
    return this.#reading;
  }

  async #read(files) {
    for (const file of files) {
      if (!TYPES.includes(file.type)) this.#tell("noImage");
      else if (file.size > MOST_BYTES) this.#tell("tooLarge");
      else {
        const data = await base64(file).catch(() => null);
        if (data === null) this.#tell("noImage");
        else this.images = [...this.images, { type: file.type, data, name: file.name }];
      }
    }
    this.#show();
  }

  /** What was attached; from now on nothing is. */
  take() {
    const { images } = this;
    this.images = [];
    this.#show();
    return images;
  }

  #show() {
    showThumbs(this.#list, this.images, (image) => {
      this.images = this.images.filter((each) => each !== image);
      this.#show();
      document.getElementById("prompt").focus();
    });
  }
}

/** Without `remove` there is no button for it. */
export function showThumbs(list, images, remove = null) {
  const template = document.getElementById("thumb-template");
  list.hidden = !images.length;
  list.replaceChildren(
    ...images.map((image) => {
      const item = template.content.cloneNode(true);
      const picture = item.querySelector("img");
      picture.src = `data:${image.type};base64,${image.data}`;
      picture.alt = image.name ?? "";
      const button = item.querySelector("button");
      if (remove) button.addEventListener("click", () => remove(image));
      else button.remove();
      return item;
    }),
  );
}

function base64(file) {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result.slice(reader.result.indexOf(",") + 1));
    reader.onerror = () => reject(reader.error);
    reader.readAsDataURL(file);
  });
}

/** Dropped anywhere on the page, or pasted into the prompt. */
export function watchImages(attached, { root, prompt, button, input }) {
  button.addEventListener("click", () => input.click());
  input.addEventListener("change", async () => {
    await attached.add(input.files);
    input.value = "";
    prompt.focus();
  });
  prompt.addEventListener("paste", (event) => {
    const files = [...event.clipboardData.files];
    if (!files.length) return;
    event.preventDefault();
    attached.add(files);
  });
  const isFiles = (event) => event.dataTransfer?.types.includes("Files");
  root.addEventListener("dragover", (event) => {
    if (!isFiles(event)) return;
    event.preventDefault();
    root.classList.add("over");
  });
  root.addEventListener("dragleave", () => root.classList.remove("over"));
  root.addEventListener("drop", (event) => {
    root.classList.remove("over");
    if (!isFiles(event)) return;
    event.preventDefault();
    attached.add(event.dataTransfer.files);
  });
}
