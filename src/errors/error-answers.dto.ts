export class FaultDto {
  /** The path of the field, such as `body.messages[0].content`; empty for the whole. */
  field!: string;
  /** What is wrong with it, and what is accepted. */
  problem!: string;
}

/** An error of the native API. */
export class NativeErrorDto {
  /** false */
  success!: boolean;
  msg!: string;
  /** All faults of the request. */
  details?: FaultDto[];
}

export class OpenAiErrorBodyDto {
  message!: string;
  type!: string;
  param!: string | null;
  code!: string | null;
}

/** An error of any other path, in OpenAI's envelope. */
export class OpenAiErrorDto {
  error!: OpenAiErrorBodyDto;
  details?: FaultDto[];
}
