//! What can happen to a family. Each act decides alone, by the family and the moment, and changes
//! the family or leaves it as it was.

mod login;
mod sign_out;
mod token;

use serde_json::{Map, Value};

pub use self::login::{Ask, Asked, Decide, Look, Resume, Resumed, Visitor};
pub use self::sign_out::{ReadSignOut, SignOut};
pub use self::token::{
    Granted, InspectRefresh, InspectedRefresh, Redeem, RefreshTokens, RevokeRefresh,
};
use super::{Family, Grant, Refusal, Stage};
use crate::json::{Json, impl_json};
use crate::name::ClientId;
use crate::time::UnixTime;

/// An act in JSON, with its secrets, on its way to the family.
#[derive(Clone)]
pub struct Message {
    /// The act's name.
    pub name: &'static str,
    /// The act.
    pub text: String,
    /// Whether it may be sent twice.
    pub is_idempotent: bool,
}

/// Something that happens to a family.
pub trait Act: Clone + Json {
    /// Its name between the Worker and the object that stores the family.
    const NAME: &'static str;

    /// What it answers when it is not refused.
    type Answer: Json;

    /// Whether it may be sent twice when the first answer was lost: it then answers the same.
    fn is_idempotent(&self) -> bool {
        true
    }

    /// Happens, at the moment `now`, to the family or to what is not there.
    ///
    /// # Errors
    /// [`Refusal`].
    fn decide(self, family: &mut Option<Family>, now: UnixTime) -> Result<Self::Answer, Refusal>;
}

/// Decides the act of that name which `text` tells in JSON, and tells its answer or refusal in
/// JSON. `None` when there is no such act.
pub fn decide(
    name: &str,
    text: &str,
    family: &mut Option<Family>,
    now: UnixTime,
) -> Option<String> {
    fn run<A: Act>(text: &str, family: &mut Option<Family>, now: UnixTime) -> Option<String> {
        let act = A::from_text(text)?;
        Some(act.decide(family, now).to_text())
    }
    match name {
        Begin::NAME => run::<Begin>(text, family, now),
        Ask::NAME => run::<Ask>(text, family, now),
        Look::NAME => run::<Look>(text, family, now),
        Decide::NAME => run::<Decide>(text, family, now),
        Resume::NAME => run::<Resume>(text, family, now),
        Redeem::NAME => run::<Redeem>(text, family, now),
        RefreshTokens::NAME => run::<RefreshTokens>(text, family, now),
        InspectRefresh::NAME => run::<InspectRefresh>(text, family, now),
        RevokeRefresh::NAME => run::<RevokeRefresh>(text, family, now),
        Show::NAME => run::<Show>(text, family, now),
        End::NAME => run::<End>(text, family, now),
        ReadSignOut::NAME => run::<ReadSignOut>(text, family, now),
        _ => None,
    }
}

/// The family, if there is one whose time is not over.
fn living(family: &mut Option<Family>, now: UnixTime) -> Result<&mut Family, Refusal> {
    if family
        .as_ref()
        .is_some_and(|family| family.ends_at() <= now)
    {
        *family = None;
        return Err(Refusal::Expired);
    }
    family.as_mut().ok_or(Refusal::Unknown)
}

/// A new family begins. The same one may begin twice; another of the same id, which nobody should
/// ever see, is refused.
#[derive(Clone, Debug)]
pub struct Begin {
    /// What is stored of it.
    pub family: Family,
}

impl_json!(struct Begin { family });

impl Act for Begin {
    const NAME: &'static str = "begin";
    type Answer = ();

    fn decide(self, family: &mut Option<Family>, now: UnixTime) -> Result<(), Refusal> {
        let begun_at = family.as_ref().map_or(Some(now), |known| known.begun_at);
        let begins = Family {
            begun_at,
            ..self.family
        };
        match family {
            _ if begins.ends_at() <= now => Err(Refusal::Expired),
            Some(known) if *known != begins => Err(Refusal::Unknown),
            _ => {
                *family = Some(begins);
                Ok(())
            }
        }
    }
}

/// Somebody who has a token of the family asks what it grants.
#[derive(Clone, Debug)]
pub struct Show;

impl Json for Show {
    fn to_json(&self) -> Value {
        Value::Object(Map::new())
    }

    fn from_json(_: Value) -> Option<Self> {
        Some(Self)
    }
}

/// What a family grants, and to whom.
#[derive(Clone, Debug)]
pub struct Shown {
    /// To which client.
    pub client_id: ClientId,
    /// What.
    pub grant: Grant,
    /// Since when.
    pub begun_at: Option<UnixTime>,
}

impl_json!(struct Shown { client_id, grant, begun_at });

impl Act for Show {
    const NAME: &'static str = "show";
    type Answer = Shown;

    fn decide(self, family: &mut Option<Family>, now: UnixTime) -> Result<Shown, Refusal> {
        let family = living(family, now)?;
        match &family.stage {
            Stage::Granted { grant, .. } => Ok(Shown {
                client_id: family.client_id.clone(),
                grant: grant.clone(),
                begun_at: family.begun_at,
            }),
            _ => Err(Refusal::Unknown),
        }
    }
}

/// The family ends, as its client wishes.
#[derive(Clone, Debug)]
pub struct End {
    /// The client.
    pub client_id: ClientId,
}

impl_json!(struct End { client_id });

impl Act for End {
    const NAME: &'static str = "end";
    type Answer = ();

    fn decide(self, slot: &mut Option<Family>, now: UnixTime) -> Result<(), Refusal> {
        let family = living(slot, now)?;
        if matches!(family.stage, Stage::SigningOut { .. }) {
            return Err(Refusal::Unknown);
        }
        if family.client_id != self.client_id {
            return Err(Refusal::OtherClient);
        }
        *slot = None;
        Ok(())
    }
}
