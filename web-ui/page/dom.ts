type Child = Node | string;
interface Props {
  readonly class?: string;
  readonly title?: string;
  readonly id?: string;
  readonly role?: string;
  readonly [attribute: `aria-${string}` | `data-${string}`]: string;
}

/** An element with its children; text only ever becomes a text node. */
export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  props: Props = {},
  ...children: readonly Child[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) element.setAttribute(name, String(value));
  element.append(...children);
  return element;
}

export function button(label: string, style: string, onClick: () => void): HTMLButtonElement {
  const element = h("button", { class: style }, label);
  element.type = "button";
  element.addEventListener("click", onClick);
  return element;
}

/** Text in which what stands between backticks is code. */
export function setTextWithCode(element: Element, text: string): void {
  if (element.getAttribute("data-text") === text) return;
  element.setAttribute("data-text", text);
  element.replaceChildren(...text.split("`").map((part, i) => (i % 2 === 0 ? part : h("code", {}, part))));
}

/** Writes only what differs, so that a selection and a screen reader's place stay. */
export function setText(element: Element, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}

export function setAttribute(element: Element, name: string, value: string | undefined): void {
  if (value === undefined) element.removeAttribute(name);
  else if (element.getAttribute(name) !== value) element.setAttribute(name, value);
}

export function byId(id: string): HTMLElement {
  const element = document.getElementById(id);
  if (element === null) throw new Error(`the page has no #${id}`);
  return element;
}

/** What the helper wrote into the page's head. */
export function pageMeta(name: "inpod-base" | "inpod-release"): string {
  return document.querySelector<HTMLMetaElement>(`meta[name="${name}"]`)?.content ?? "";
}
