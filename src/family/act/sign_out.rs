//! What a login application does with the ticket of a browser that signs out.

use super::{Act, living};
use crate::family::{Family, Refusal, Secret, Stage};
use crate::json::impl_json;
use crate::name::ClientId;
use crate::time::UnixTime;

/// The login application reads who signs out, and where the browser then goes. It may read it again, as
/// long as the ticket lives.
#[derive(Clone, Debug)]
pub struct ReadSignOut {
    /// The ticket.
    pub ticket: Secret,
}

impl_json!(struct ReadSignOut { ticket });

/// Who signs out.
#[derive(Clone, Debug)]
pub struct SignOut {
    /// The client that sent the browser.
    pub client_id: ClientId,
    /// The person.
    pub sub: String,
    /// Where the browser goes when the login application is done.
    pub redirect_to: String,
}

impl_json!(struct SignOut { client_id, sub, redirect_to });

impl Act for ReadSignOut {
    const NAME: &'static str = "read-sign-out";
    type Answer = SignOut;

    fn decide(self, family: &mut Option<Family>, now: UnixTime) -> Result<SignOut, Refusal> {
        let family = living(family, now)?;
        match &family.stage {
            Stage::SigningOut {
                ticket,
                sub,
                redirect_to,
                ..
            } if ticket.is_of(&self.ticket) => Ok(SignOut {
                client_id: family.client_id.clone(),
                sub: sub.clone(),
                redirect_to: redirect_to.clone(),
            }),
            _ => Err(Refusal::Unknown),
        }
    }
}
