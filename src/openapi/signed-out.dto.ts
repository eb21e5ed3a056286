import { SignInWaysDto } from '../access/sign-in/session.dto.js';
import { OpenAiErrorDto } from '../errors/error-answers.dto.js';

/** The 401 of GET /api/v1/session. */
export class SignedOutDto extends OpenAiErrorDto {
  sign_in!: SignInWaysDto;
}
