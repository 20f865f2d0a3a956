import { Base } from './base';

/** A page that is visited. */
export interface Page {
  path: string;
  render(): string;
}

export type Visits = Record<string, number>;

export enum Mode {
  Day,
  Night,
}

/** Visits by page. */
export abstract class Counter<T extends Page> extends Base {
  private visits: Visits = {};

  constructor(readonly mode: Mode) {
    super();
  }

  /** Records one visit. */
  record(page: T): number {
    return (this.visits[page.path] = (this.visits[page.path] ?? 0) + 1);
  }

  abstract total(): number;
}

export namespace Pages {
  export function home(): Page {
    return load<Page>('/');
  }
}

export const clamp = (visits: number): number => Math.min(visits, 100);
declare function load<T>(path: string): T;
