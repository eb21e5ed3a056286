export class FaultDto {
  /** The path of the field, such as `body.messages[0].content`; empty for the whole. */
  field!: string;
  /** What is wrong with it, and what would be right. */
  problem!: string;
}

/** An error at the seed's paths. */
export class NativeErrorDto {
  /** false */
  success!: boolean;
  msg!: string;
  /** All faults of what was sent. */
  details?: FaultDto[];
}

export class OpenAiErrorBodyDto {
  message!: string;
  type!: string;
  param!: string | null;
  code!: string | null;
}

/** An error anywhere else, in OpenAI's envelope. */
export class OpenAiErrorDto {
  error!: OpenAiErrorBodyDto;
  details?: FaultDto[];
}
