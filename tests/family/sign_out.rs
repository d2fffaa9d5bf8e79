//! A browser that signs out by way of the login application: what is kept of it, and that it is nothing
//! else.

use edge_token::family::act::{Begin, End, Look, ReadSignOut};
use edge_token::json::Json;

use super::*;

const BYE: &str = "https://app.example/bye?state=1";

fn signing_out() -> Family {
    Family::signing_out(
        secret(KEY),
        client("app"),
        "ann".to_owned(),
        BYE.to_owned(),
        &secret(TICKET),
        at(300),
    )
}

fn read(octet: u8) -> ReadSignOut {
    let ticket = secret(octet);
    ReadSignOut { ticket }
}

#[test]
fn the_ticket_tells_who_signs_out_until_it_ends() {
    let mut family = None;
    let family_begins = Begin {
        family: signing_out(),
    };
    does(&mut family, family_begins, 0);
    let before = family.clone();
    for seconds in [0, 299] {
        let told = does(&mut family, read(TICKET), seconds);
        assert_eq!(
            (told.client_id, &*told.sub, &*told.redirect_to),
            (client("app"), "ann", BYE)
        );
    }
    assert_eq!(family, before);
    refuses(&family, read(STRANGE), 0, Refusal::Unknown);
    ends(&family, read(TICKET), 300, Refusal::Expired);
    assert!(!family.to_text().contains(&secret(TICKET).reveal()));
    assert_eq!(
        Option::<Family>::from_json(family.to_json()),
        Some(family.clone())
    );
}

#[test]
fn to_every_other_act_there_is_nothing() {
    let family = Some(signing_out());
    let ticket = secret(TICKET);
    refuses(&family, ask(), 0, Refusal::Unknown);
    refuses(&family, Look { ticket }, 0, Refusal::Unknown);
    refuses(&family, decide(accepted("ann", None)), 0, Refusal::Unknown);
    refuses(&family, resume(&secret(TICKET)), 0, Refusal::Unknown);
    refuses(&family, redeem(&secret(TICKET)), 0, Refusal::Unknown);
    refuses(&family, Show, 0, Refusal::Unknown);
    let token = redeemed(SCOPE).1;
    refuses(&family, refresh(&token), 0, Refusal::Unknown);
    let client_id = client("app");
    refuses(&family, End { client_id }, 0, Refusal::Unknown);
    let family_begins = Begin {
        family: asked(request(), at(60)),
    };
    refuses(&family, family_begins, 0, Refusal::Unknown);
}

#[test]
fn no_family_tells_anything_of_a_sign_out() {
    let (granted, _, _) = redeemed(SCOPE);
    let (coded, _) = coded(request(), None);
    for family in [
        None,
        Some(pushed(request(), at(60))),
        Some(asked(request(), at(60))),
        coded,
        granted,
    ] {
        refuses(&family, read(TICKET), 0, Refusal::Unknown);
    }
}
