/** What an element is made of: text is only ever text, never markup. */
export type Child = Node | string;

/** Creates an element. Attributes that are undefined are left out. */
export function element<Name extends keyof HTMLElementTagNameMap>(
  name: Name,
  attributes: Readonly<Record<string, string | undefined>> = {},
  ...children: readonly Child[]
): HTMLElementTagNameMap[Name] {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) if (value !== undefined) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

/** Text from WeCom, kept from changing the direction of what stands around it. */
export function foreign(text: string): HTMLElement {
  return element('bdi', {}, text);
}
