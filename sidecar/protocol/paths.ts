/** Where everything lives below INPOD_HOME (`/inpod` in a pod); the table is in the interfaces of the design. */
export interface Paths {
  readonly kit: string;
  readonly apiSocket: string;
  readonly ideSocket: string;
  readonly terminalSocket: string;
  readonly sourceSocket: string;
  /** Present while on save is held, so that a restarted source agent holds it too. */
  readonly saveHeld: string;
  appDir(app: string): string;
  liveness(app: string): string;
  control(app: string): string;
  state(app: string): string;
  log(app: string): string;
}

export function pathsIn(home: string): Paths {
  const appDir = (app: string) => `${home}/app/${app}`;
  return {
    kit: `${home}/bin/kit`,
    apiSocket: `${home}/run/api.sock`,
    ideSocket: `${home}/run/ide.sock`,
    terminalSocket: `${home}/run/terminal.sock`,
    sourceSocket: `${home}/run/source.sock`,
    saveHeld: `${home}/run/save-held`,
    appDir,
    liveness: (app) => `${appDir(app)}/liveness`,
    control: (app) => `${appDir(app)}/control`,
    state: (app) => `${appDir(app)}/state.json`,
    log: (app) => `${appDir(app)}/log`,
  };
}
