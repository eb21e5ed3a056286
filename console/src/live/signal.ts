import { Fragment as Group, type FunctionComponent, options } from 'preact';
import { useLayoutEffect, useRef, useState } from 'preact/hooks';

/** A value of the whole page. A component that reads it is rendered again when it changes, and so are no others. */
export interface Signal<T> {
  value: T;
  /** Calls with the value now, and with each that follows. */
  readonly subscribe: (listener: (value: T) => void) => () => void;
}

export interface ReadonlySignal<T> {
  readonly value: T;
}

type Listen = (listener: () => void) => () => void;

/** What the component that is being rendered has read. */
let read: Set<Listen> | null = null;

export function signal<T>(first: T): Signal<T> {
  let now = first;
  const listeners = new Set<() => void>();
  const listen: Listen = (listener) => {
    listeners.add(listener);
    return () => listeners.delete(listener);
  };
  return {
    get value() {
      read?.add(listen);
      return now;
    },
    set value(next) {
      if (next === now) return;
      now = next;
      [...listeners].forEach((listener) => listener());
    },
    subscribe(listener) {
      listener(now);
      return listen(() => listener(now));
    },
  };
}

/** Is worked out whenever it is read: for what is cheap. */
export const computed = <T>(value: () => T): ReadonlySignal<T> => ({
  get value() {
    return value();
  },
});

const following = new WeakMap<object, FunctionComponent<object>>();

/** The component, which now is rendered again when a signal changes that it has read. */
function followingOf(component: FunctionComponent<object>): FunctionComponent<object> {
  return (props) => {
    const [, again] = useState(0);
    const stops = useRef<readonly (() => void)[]>([]);
    useLayoutEffect(() => () => stops.current.forEach((stop) => stop()), []);
    const [outer, own] = [read, new Set<Listen>()];
    read = own;
    try {
      return component(props);
    } finally {
      read = outer;
      stops.current.forEach((stop) => stop());
      stops.current = [...own].map((listen) => listen(() => again((count) => count + 1)));
    }
  };
}

options.vnode = (vnode) => {
  const { type } = vnode;
  if (typeof type !== 'function' || type === Group) return;
  const component = type as FunctionComponent<object>;
  const known = following.get(component) ?? followingOf(component);
  // An element that is shown again comes here with it.
  following.set(component, known).set(known, known);
  vnode.type = known;
};
