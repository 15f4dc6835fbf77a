import type { Line, Person, Said, Stamp } from './line.ts';

/**
 * What a person gets to see, whatever they look at: the page receives these as server-sent
 * events, the terminal prints them.
 */
export type ScreenEvent = Hello | ClusterView | RoomsView | Welcome | LineShown | Lost | Out | Bye;

/** First of all: which node serves this screen, and the tab's key for everything it asks. */
export interface Hello {
  readonly kind: 'hello';
  readonly node: string;
  readonly tab: string;
}

/** The nodes as this one sees them; always the whole picture. */
export interface ClusterView {
  readonly kind: 'cluster';
  readonly nodes: readonly NodeView[];
}

export interface NodeView {
  readonly name: string;
  readonly state: 'alive' | 'suspect' | 'down' | 'left';
  /** Whether rooms may live on it; a terminal hosts none. */
  readonly hosts: boolean;
  /** Where its page is. */
  readonly web?: string;
}

/** The rooms somebody is in; always the whole list. */
export interface RoomsView {
  readonly kind: 'rooms';
  readonly rooms: readonly RoomView[];
}

export interface RoomView {
  readonly name: string;
  readonly people: number;
  /** The node on which the room lives. */
  readonly home: string;
}

/** In the room: all that a newcomer needs, the lines after `number` follow one by one. */
export interface Welcome {
  readonly kind: 'welcome';
  readonly room: string;
  readonly home: string;
  /** Differs each time the room starts anew, with empty memory. */
  readonly life: string;
  readonly number: number;
  readonly people: readonly Person[];
  readonly history: readonly (Said & Stamp)[];
  /** Where the room was before, when the session had to look for it. */
  readonly movedFrom?: string;
}

export interface LineShown {
  readonly kind: 'line';
  readonly room: string;
  readonly line: Line;
}

/** The room does not answer where it was; the session looks for it. */
export interface Lost {
  readonly kind: 'lost';
  readonly room: string;
  readonly home: string;
}

/** The room let this person go, or did not let them in again. Nothing follows by itself. */
export interface Out {
  readonly kind: 'out';
  readonly room: string;
  readonly why: string;
}

/** The node is stopping in good order. */
export interface Bye {
  readonly kind: 'bye';
}
