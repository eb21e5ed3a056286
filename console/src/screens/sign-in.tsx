import './sign-in.css';
import { useState } from 'preact/hooks';
import { explain } from '../api/client';
import { signIn, signInWays } from '../api/session';
import { Input } from '../parts/field';
import { Icon } from '../parts/icon';

/** Where a link led stays the address, so that it works after the sign-in. */
export default function SignIn() {
  const [key, setKey] = useState('');
  const [fault, setFault] = useState('');
  const [isWaiting, setWaiting] = useState(false);
  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    setWaiting(true);
    try {
      await signIn(key.trim());
    } catch (error) {
      setFault(explain(error));
      setWaiting(false);
    }
  };
  const back = encodeURIComponent(location.pathname + location.search);
  return (
    <main class="gate" id="main">
      <form class="panel" noValidate onSubmit={(event) => void submit(event)}>
        <div class="pad col">
          <Icon shape="mark" />
          <div>
            <h1>Sign in</h1>
            <p class="sub">{location.host}</p>
          </div>
          <Input
            label="API key"
            fault={fault}
            type="password"
            autoComplete="current-password"
            autoFocus
            value={key}
            onText={(text) => {
              setKey(text);
              setFault('');
            }}
          />
          <button type="submit" class="btn main" disabled={isWaiting}>
            Sign in
          </button>
          {signInWays.value.oidc && (
            <a class="btn" target="_self" href={`/auth/login?return_to=${back}`}>
              Sign in with your organisation
            </a>
          )}
          <p class="sub small">
            The key is kept in a cookie that scripts cannot read. An administrator makes keys; the first one
            is <code>ADMIN_API_KEY</code>.
          </p>
        </div>
      </form>
    </main>
  );
}
