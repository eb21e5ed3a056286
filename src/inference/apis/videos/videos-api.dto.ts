import { ApiProperty } from '@nestjs/swagger';

/* These DTOs only describe: bodies are read by hand (read-job-input.ts), since other fields are the template's. */

export class NewVideoDto {
  /** A registered model that makes videos. */
  model!: string;
  prompt!: string;
  /** The length, as text or as a number. */
  @ApiProperty({ required: false, oneOf: [{ type: 'string' }, { type: 'number' }] })
  seconds?: string | number;
  /** `WIDTHxHEIGHT`, such as 1280x720. */
  size?: string;
  /** The first picture: a file of a form, or `{"image_url": "…"}`. */
  @ApiProperty({
    required: false,
    oneOf: [
      { type: 'object', additionalProperties: true },
      { type: 'string', format: 'binary' },
    ],
  })
  input_reference?: object;
}

export class VideoErrorDto {
  code!: string;
  message!: string;
}

export class VideoDto {
  id!: string;
  /** video */
  object!: string;
  model!: string;
  /** queued, in_progress, completed or failed. */
  status!: string;
  /** 0 to 100. */
  progress!: number;
  /** In seconds since 1970, as the other times. */
  created_at!: number;
  completed_at!: number | null;
  expires_at!: number | null;
  error!: VideoErrorDto | null;
  prompt!: string | null;
  /** Always null. */
  remixed_from_video_id!: string | null;
  /** Empty where neither the request nor the worker says it. */
  seconds!: string;
  size!: string;
}

export class VideoListDto {
  /** list */
  object!: string;
  data!: VideoDto[];
  first_id!: string | null;
  last_id!: string | null;
  has_more!: boolean;
}

export class DeletedVideoDto {
  id!: string;
  /** video.deleted */
  object!: string;
  deleted!: boolean;
}
