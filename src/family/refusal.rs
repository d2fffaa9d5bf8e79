//! Why a family refuses an act.

use serde_json::Value;

use crate::json::Json;

/// Why a family refuses an act. None of these but [`Self::Replayed`] changes it; what is over, though,
/// is gone from then on.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Refusal {
    /// There is no such family, or not this secret in it.
    #[error("unknown code, ticket or token")]
    Unknown,
    /// A later version handed it out. Which family it is of only that version knows.
    #[error("code, ticket or token of a format that only a later version of the service knows")]
    LaterFormat,
    /// It is another client's.
    #[error("another client's grant")]
    OtherClient,
    /// It was good, earlier.
    #[error("code, ticket or token has expired")]
    Expired,
    /// The login application decided otherwise before.
    #[error("ticket was decided already")]
    Decided,
    /// Another browser than the one that began.
    #[error("not the browser that began")]
    OtherBrowser,
    /// Not the redirect URI of the authorization request.
    #[error("not the redirect URI of the authorization request")]
    RedirectUri,
    /// The PKCE verifier is missing, wrong, or there was no challenge.
    #[error("PKCE verifier does not fit the challenge")]
    Verifier,
    /// The key or certificate that it is bound to was not shown.
    #[error("not the holder of the key or certificate")]
    Confirmation,
    /// More scope than was granted or asked for.
    #[error("scope exceeds what was granted or asked for")]
    Scope,
    /// The person signed in too long ago, nobody knows when (`max_age`), or in the future.
    #[error("auth_time is missing, too long ago or in the future")]
    AuthTime,
    /// Another audience than the authorization request's.
    #[error("audience exceeds what was granted")]
    Audience,
    /// It was used before: somebody else may have it. The family has ended.
    #[error("code or refresh token used again: its family is revoked")]
    Replayed,
}

impl Refusal {
    /// All of them.
    pub const ALL: [Self; 13] = [
        Self::Unknown,
        Self::LaterFormat,
        Self::OtherClient,
        Self::Expired,
        Self::Decided,
        Self::OtherBrowser,
        Self::RedirectUri,
        Self::Verifier,
        Self::Confirmation,
        Self::Scope,
        Self::AuthTime,
        Self::Audience,
        Self::Replayed,
    ];
}

impl Json for Refusal {
    fn to_json(&self) -> Value {
        format!("{self:?}").into()
    }

    fn from_json(value: Value) -> Option<Self> {
        let name = value.as_str()?;
        Self::ALL
            .into_iter()
            .find(|known| format!("{known:?}") == name)
    }
}
