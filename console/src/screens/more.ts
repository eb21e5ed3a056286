// In this order they compress best.
export { default as Usage } from './usage/usage';
export { default as History } from './history';
export { default as Keys } from './keys/keys';
export { default as Drawer } from './workers/drawer/drawer';
export { default as Jobs } from './jobs';
export { default as SignIn } from './sign-in';
export { default as KeyboardDialogs } from '../parts/palette';
export { default as Models } from './models/models';
export { default as Register } from './register/register';
export { default as Playground } from './playground/playground';
export { default as FirstStart } from './workers/first-start';
