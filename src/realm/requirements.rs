//! What a realm requires of its clients beyond the RFCs that it serves: each by itself, or all that a
//! profile asks for (FAPI 2.0 Security Profile §5.3.2).

use super::Cause;
use crate::client::Client;
use crate::json::{JsonError, Object};

/// A profile, which requires more than one thing at once.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Profile {
    /// FAPI 2.0 Security Profile.
    Fapi2,
}

/// What is required. A client's record can require more of that client, never less.
#[derive(Clone, Copy, Debug, Default)]
pub struct Requirements {
    /// The profile that sets the others.
    pub profile: Option<Profile>,
    /// Authorization requests must be pushed (RFC 9126 §5).
    pub pushed_requests: bool,
    /// Confidential clients must use PKCE too (RFC 7636); public ones always must.
    pkce: bool,
    /// Access tokens must be for the holder of a key or certificate (RFC 9449, RFC 8705 §3).
    bound_tokens: bool,
}

impl Requirements {
    /// Takes the members of a realm. One that contradicts the profile is an error: which of the two
    /// is meant would be a guess.
    pub(super) fn parse(members: &mut Object) -> Result<Self, Cause> {
        let (member, expected) = ("profile", "`fapi2`");
        let profile = match members.take::<String>(member, expected)?.as_deref() {
            None => None,
            Some("fapi2") => Some(Profile::Fapi2),
            Some(_) => return Err(JsonError::Invalid { member, expected }.into()),
        };
        let mut flag = |member| match members.take::<bool>(member, "true or false")? {
            Some(false) if profile.is_some() => Err(Cause::Profile(member)),
            flag => Ok(flag.unwrap_or(profile.is_some())),
        };
        Ok(Self {
            pushed_requests: flag("require_pushed_authorization_requests")?,
            pkce: flag("require_pkce")?,
            bound_tokens: flag("require_bound_tokens")?,
            profile,
        })
    }

    /// Whether a client must push its authorization requests.
    #[must_use]
    pub fn pushed_requests_of(&self, client: &Client) -> bool {
        self.pushed_requests || client.require_pushed_authorization_requests
    }

    /// Whether a client must use PKCE.
    #[must_use]
    pub fn pkce_of(&self, client: &Client) -> bool {
        self.pkce || client.require_pkce || !client.is_confidential()
    }

    /// Whether a client may have no bearer tokens.
    #[must_use]
    pub fn bound_tokens_of(&self, client: &Client) -> bool {
        self.bound_tokens || client.require_bound_tokens
    }
}
