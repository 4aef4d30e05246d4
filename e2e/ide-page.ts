import type { Page } from "playwright-core";

/** The workbench as a person uses it; every wait is bounded. */
export interface IdePage {
  /** Opens a file of the folder by its name. */
  openFile(name: string): Promise<void>;
  /** Finds text in the open editor and types over it, then saves. */
  replaceAndSave(from: string, to: string): Promise<void>;
  /** Types a command into a new terminal. */
  typeInTerminal(command: string): Promise<void>;
  /** The text of a status-bar entry that matches. */
  statusBar(label: RegExp): Promise<string>;
  /** Visible once the workbench and its file tree are. */
  ready(): Promise<void>;
}

/** Logs in at the front door as a person does: the page that asks, the password, Enter. */
export async function logIn(page: Page, origin: string, password: string): Promise<void> {
  await page.goto(`${origin}/`);
  await page.waitForURL(/\/-\/login/, { timeout: 20_000 });
  await page.getByLabel(/password/i).fill(password);
  await page.keyboard.press("Enter");
  await page.waitForURL((url) => !url.pathname.includes("/-/login"), { timeout: 20_000 });
}

export function idePage(page: Page): IdePage {
  return {
    async ready() {
      await page.locator(".monaco-workbench").waitFor({ timeout: 60_000 });
      await page.locator(".explorer-folders-view .monaco-list-row").first().waitFor({ timeout: 60_000 });
      // The extension host comes last; what is typed before it is there can get lost.
      await page
        .locator(".statusbar-item", { hasText: /app running/ })
        .first()
        .waitFor({ timeout: 60_000 });
    },
    async openFile(name) {
      await page.getByRole("treeitem", { name, exact: true }).dblclick({ timeout: 20_000 });
      await page.locator(".monaco-editor .view-lines").first().waitFor({ timeout: 20_000 });
    },
    async replaceAndSave(from, to) {
      await page.locator(".monaco-editor .view-lines").first().click();
      await page.keyboard.press("Control+F");
      await page.locator(".find-widget textarea").first().fill(from);
      await page.locator(".find-widget .matchesCount", { hasText: /\d+ of \d+/ }).waitFor({ timeout: 20_000 });
      // Leaving the search selects the match; what is typed then replaces it.
      await page.keyboard.press("Escape");
      await page.keyboard.insertText(to);
      await page.keyboard.press("Control+S");
      await page.locator(".tab.active:not(.dirty)").waitFor({ timeout: 20_000 });
    },
    async typeInTerminal(command) {
      await page.keyboard.press("Control+Shift+Backquote");
      const input = page.locator(".terminal-wrapper.active .xterm-helper-textarea").last();
      await input.waitFor({ state: "attached", timeout: 30_000 });
      await page
        .locator(".terminal-wrapper.active .xterm-rows, .terminal-wrapper.active canvas")
        .first()
        .waitFor({ timeout: 30_000 });
      await input.focus();
      await page.keyboard.type(command);
      await page.keyboard.press("Enter");
    },
    async statusBar(label) {
      const entry = page.locator(".statusbar-item", { hasText: label }).first();
      await entry.waitFor({ timeout: 60_000 });
      return entry.innerText();
    },
  };
}
