/**
 * Why something was refused. Numbers never change their meaning: 4400 to 4499 are permanent, the others are for a retry.
 */
export const Code = {
  Malformed: 4400,
  WrongPassword: 4401,
  BadToken: 4402,
  NoSuchRoom: 4404,
  UnsupportedProtocol: 4405,
  BadName: 4406,
  UnexpectedFrame: 4407,
  Removed: 4408,
  Banned: 4409,
  RoomDeleted: 4410,
  GenerationChanged: 4411,
  Replaced: 4412,
  FrameTooLarge: 4413,
  UpdateTooLarge: 4414,
  InvalidUpdate: 4415,
  ForeignAuthor: 4416,
  DocumentFull: 4417,
  ReadOnly: 4418,
  PasswordChanged: 4419,
  InvalidStateVector: 4420,
  RoomExists: 4421,
  BadPassword: 4422,
  Unauthorized: 4423,
  BadRequest: 4424,
  Internal: 4500,
  Busy: 4501,
  RoomFull: 4502,
  Draining: 4503,
  RateLimited: 4504,
  ResyncNeeded: 4505,
  Storage: 4506,
  Stalled: 4507,
  TooMany: 4508,
} as const

/** Whether the same request would be refused again. Such a request is never repeated by itself. */
export function isPermanent(code: number): boolean {
  return code >= 4400 && code <= 4499
}
