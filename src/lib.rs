//! edge-token: an OAuth 2.0 token service that runs wholly at the edge, as one Cloudflare Worker.
//!
//! # In scope
//!
//! - Client authentication by secrets, assertions (RFC 7523) and certificates (RFC 8705), registration
//!   (RFC 7591), and tokens bound to keys (RFC 9449) and certificates.
//! - The token endpoint (RFC 6749 §3.2) with the grants client credentials (§4.4), authorization code
//!   (§4.1, RFC 7636) and refresh token (§6), audiences by RFC 8707, and access tokens in the profile
//!   of RFC 9068, signed with ES256.
//! - Token exchange (RFC 8693), assertions of trusted issuers (RFC 7523 §2.1), and light-oauth2's grant for
//!   trusted clients.
//! - Introspection (RFC 7662), revocation (RFC 7009), and moments before which nothing holds.
//! - The authorization endpoint (§3.1, RFC 9207), pushed requests (RFC 9126), ID tokens, userinfo and
//!   end session (OpenID Connect).
//! - The JWK Set (RFC 7517), metadata (RFC 8414), and a health check.
//! - Dialects: the paths, members and claims of the systems whose clients come along.
//! - Client records, and a tool for operators that writes them.
//!
//! # Out of scope
//!
//! - Who people are: the service has no users, passwords or login page. A login application says
//!   who signed in.
//! - Other signature algorithms than ES256.
//!
//! # Choices
//!
//! - **The core is pure.** Everything but `edge` takes the moment and randomness as arguments and
//!   storage as a [`store::Store`]; it compiles natively, where the crate `worker` does not exist.
//! - **One direction.** `edge` → [`service`] → [`endpoint`] → [`grant`] → [`token`] → ([`realm`],
//!   [`client`], [`family`]) → [`jose`] → nouns such as [`name`] and [`uri`]. [`jose`] has no OAuth word
//!   in it. `scripts/layers.mjs` has all floors, and fails on an import that runs upward.
//! - **Once is decided in one place.** All that must happen once belongs to a [`family`], whose acts
//!   are pure functions of it; a Durable Object stores one family and lets one act happen after
//!   another.
//! - **Reasons and words are two things.** A [`error::Rejection`] is logged and never sent; its
//!   [`error::ErrorCode`] is sent.
//! - **Fail closed.** What cannot be read, understood or reached is a 503, never a grant and never
//!   a "no such client".

pub mod auth_method;
pub mod client;
pub mod client_auth;
pub mod context;
pub mod dialect;
pub mod dpop;
pub mod endpoint;
pub mod error;
pub mod error_code;
pub mod family;
pub mod form;
pub mod grant;
pub mod grant_type;
pub mod http;
pub mod jose;
pub mod json;
pub mod name;
pub mod not_before;
pub mod person;
pub mod proof;
pub mod realm;
pub mod rotation;
pub mod scope;
pub mod service;
pub mod store;
pub mod stored;
pub mod time;
pub mod token;
pub mod uri;
pub mod uuid;

#[cfg(target_arch = "wasm32")]
mod edge;
