import { useName } from './screen';
import { toast } from './toast';

export async function copy(text: string, what = 'Copied'): Promise<void> {
  try {
    await navigator.clipboard.writeText(text);
    toast(what);
  } catch {
    // Without TLS, other addresses than localhost have no clipboard.
    toast('The browser does not let this page copy. Select the text and copy it.');
  }
}

export function Code({ text, label = 'Copy' }: { readonly text: string; readonly label?: string }) {
  return (
    <div class="code">
      <button type="button" class="btn tiny" onClick={() => void copy(text)}>
        {label}
      </button>
      {/* It scrolls, so the keyboard must reach it. */}
      <pre tabIndex={0}>{text}</pre>
    </div>
  );
}

/** The query that shows the same in psql. */
export function Sql({ title, text }: { readonly title: string; readonly text: string }) {
  const id = useName();
  return (
    <>
      <button type="button" class="btn plain tiny" popovertarget={id} aria-label={`SQL: ${title}`}>
        SQL
      </button>
      <div popover="auto" id={id} role="dialog" aria-label={title}>
        <div class="col">
          <div class="row">
            <h2>{title}</h2>
            <span class="grow" />
            <button type="button" class="btn plain tiny" popovertarget={id} popovertargetaction="hide">
              Close
            </button>
          </div>
          <Code text={text} />
          <p class="sub small">
            Read-only role: <code>mmm_reader</code>. What is changed in psql, every replica obeys within a
            second, and the history shows it with the database user.
          </p>
        </div>
      </div>
    </>
  );
}
