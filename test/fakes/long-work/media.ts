import { emptyMp4 } from './mp4.js';
import { drawing, type PictureOptions } from './picture.js';
import type { Task } from './task.js';
import type { Reply } from './vendor.js';

/** A picture of the task's prompt. */
export const pictureReply = (task: Task, options: PictureOptions = task.size): Reply => ({
  status: 200,
  body: drawing(task.prompt, options),
  headers: { 'content-type': 'image/png' },
});

export const filmReply = (): Reply => ({
  status: 200,
  body: emptyMp4(),
  headers: { 'content-type': 'video/mp4' },
});
