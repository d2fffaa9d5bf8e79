// What the members of a token are, in one line each.

export const HEADER = {
  alg: "How it is signed (RFC 7515 §4.1.1)",
  kid: "The key that signed it, by its name in the JWK Set (RFC 7515 §4.1.4)",
  typ: "What kind of token it is: `at+jwt` is an access token (RFC 9068 §2.1)",
};

export const CLAIMS = {
  acr: "How well the person was authenticated (RFC 9068 §2.2.1)",
  act: "Who acts for the subject (RFC 8693 §4.1)",
  aud: "Whom it is for: a service takes only tokens that name it (RFC 7519 §4.1.3)",
  auth_time: "When the person was authenticated (RFC 9068 §2.2.1)",
  azp: "To whom it was issued (OpenID Connect Core §2)",
  client_id: "The client to which it was issued (RFC 8693 §4.3)",
  cnf: "The key or certificate whose holder alone can use it (RFC 7800 §3.1)",
  exp: "When it ends (RFC 7519 §4.1.4)",
  iat: "When it was issued (RFC 7519 §4.1.6)",
  iss: "Who issued it: the realm (RFC 7519 §4.1.1)",
  jti: "Its name, which no other token has (RFC 7519 §4.1.7)",
  nbf: "When it begins (RFC 7519 §4.1.5)",
  scope: "What it allows (RFC 8693 §4.2)",
  scp: "What it allows, as a list",
  sid: "The session to which it belongs",
  sub: "Who it speaks for: here the client itself (RFC 7519 §4.1.2)",
  typ: "What kind of token it is, in this dialect",
};

/** What stands in no table comes from the realm or from the client's record. */
export const OTHER = "A claim of this realm or client";

/** The claims that are moments. */
export const MOMENTS = new Set(["auth_time", "exp", "iat", "nbf"]);
