import type { ComponentChildren } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';

let names = 0;

/** An id that no other element has. */
export const useName = (): string => useState(() => `n${++names}`)[0];

interface ScreenProps {
  /** The headline; also the title of the window. */
  readonly title: string;
  readonly windowTitle?: string;
  /** Beside the headline. */
  readonly beside?: ComponentChildren;
  readonly children: ComponentChildren;
}

/** The page that was loaded keeps the focus where the browser put it. */
let isFirst = true;

/** One screen: its headline gets the focus when the screen is new, and names the window. */
export function Screen({ title, windowTitle = title, beside, children }: ScreenProps) {
  const headline = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    if (!isFirst) headline.current?.focus({ preventScroll: true });
    isFirst = false;
  }, []);
  useEffect(() => {
    document.title = `${windowTitle} · Multi-Model Manager`;
  }, [windowTitle]);
  return (
    <section class="screen">
      <div class="head">
        <h1 tabIndex={-1} ref={headline}>
          {title}
        </h1>
        {beside}
      </div>
      {children}
    </section>
  );
}

/** Grey lines where something is to come; they appear after 150 ms, so that what is quick does not flicker. */
export function Skeleton({ lines = 6 }: { readonly lines?: number }) {
  return (
    <div class="panel pad col wait" aria-hidden="true">
      {Array.from({ length: lines }, (_, index) => (
        <i key={index} />
      ))}
    </div>
  );
}

interface NoteBoxProps {
  readonly note: string;
  readonly onNote: (note: string) => void;
}

/** Why something is switched, for the next one who looks at the history. */
export function NoteBox({ note, onNote }: NoteBoxProps) {
  return (
    <input
      aria-label="Note"
      placeholder="Why, for the history"
      maxLength={500}
      value={note}
      onInput={({ currentTarget }) => onNote(currentTarget.value)}
    />
  );
}
