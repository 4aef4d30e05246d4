/** Text as it may stand in HTML and in a quoted attribute. */
export function escapeHtml(text: string): string {
  return text.replaceAll(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`);
}

const style = `:root{color-scheme:light dark;font:14px/1.5 system-ui,"Segoe UI",Ubuntu,sans-serif}body{margin:18vh auto 0;max-width:34rem;padding:0 1.5rem}h1{font-size:1.25rem;font-weight:600}p{opacity:.8}`;

/** A page of one heading and a sentence; `refresh` is what the browser does next. */
export function plainPage(page: {
  readonly title: string;
  readonly text: string;
  readonly nonce: string;
  readonly refresh?: { readonly seconds: number; readonly to?: string };
}): string {
  const { refresh } = page;
  const next = refresh?.to === undefined ? "" : `;url=${refresh.to}`;
  const meta =
    refresh === undefined ? "" : `<meta http-equiv="refresh" content="${escapeHtml(`${refresh.seconds}${next}`)}">`;
  const link = refresh?.to === undefined ? "" : `<p><a href="${escapeHtml(refresh.to)}">Go on</a></p>`;
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">${meta}<title>${escapeHtml(page.title)}</title><style nonce="${page.nonce}">${style}</style></head><body><h1>${escapeHtml(page.title)}</h1><p>${escapeHtml(page.text)}</p>${link}</body></html>`;
}
