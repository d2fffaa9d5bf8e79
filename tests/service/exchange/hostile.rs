//! Exchanges that give nothing (RFC 8693 §2.2.2): requests that are none, tokens that are none, and
//! tokens that are good for others. Each differs from a good one in one thing.

mod requests;
mod tokens;

use std::collections::HashSet;

use super::super::trusted_issuers::hostile::{self as foreign, Row, because, texts_because};
use super::*;

const NOT_OURS: &str = "not one of this realm";
const EXPIRED: &str = "expired";
const ENDED: &str = "its family has ended";

/// A realm in which much has happened.
fn eventful() -> Fixture {
    let realms = json!({
        "default": trusting(json!({ "scopes": "read write admin" })),
        "other": { "issuer": "https://auth.example/realms/other" },
    });
    let fixture = Fixture::configured(realms, &secrets());
    fixture.register_api(|client| client.scope = ScopeSet::parse("read write").unwrap());
    for id in ["front", "ceased"] {
        fixture.register(id, |_| ());
    }
    fixture.register("stopped", |client| client.disabled = true);
    let moments = json!({
        "version": 1, "realm": NOW - 500, "clients": { "ceased": NOW - 50 },
        "subjects": { "gone": NOW - 50 },
    });
    let key = "not-before/default".to_owned();
    fixture.store.put_at(key, Ok(moments.to_string()));
    for id in ["front", "api"] {
        let revoked = Signed::access_token(id).claim("jti", "revoked").text();
        let answer = fixture.send(&Request {
            authorization: Some(&basic(id, SECRET)),
            ..post("/realms/default/revoke", &format!("token={revoked}"))
        });
        assert_eq!(answer.status(), 200, "{}", answer.reason());
    }
    fixture
}

/// Refused, with nothing issued and nothing used up.
fn assert_refused(fixture: &Fixture, form: &str, name: &str, check: impl Fn(&str) -> bool) {
    let acts = fixture.store.acts();
    let answer = fixture.exchange("api", form);
    assert_eq!(answer.error(), (400, "invalid_request".into()), "{name}");
    let text = "The subject_token or actor_token is not valid for the client.";
    assert_eq!(answer.json()["error_description"], text, "{name}");
    let log = answer.log();
    let reason = log["reason"].as_str().unwrap();
    assert!(check(reason), "{name}: {reason}");
    assert_eq!(
        (&log["outcome"], log.get("jti")),
        (&json!("rejected"), None),
        "{name}"
    );
    assert_eq!(log.get("actor"), None, "{name}");
    assert_eq!(fixture.store.acts(), acts, "{name}");
}

/// Each as the subject's and as an actor's.
fn assert_all_refused(
    fixture: &Fixture,
    rows: &[Row],
    token_type: &str,
    is_exact: fn(&str) -> bool,
) {
    let good = held(&of_front());
    for (name, token, reason) in rows {
        for (parameter, form) in [
            ("subject_token", subject(token, token_type)),
            ("actor_token", format!("{good}{}", actor(token, token_type))),
        ] {
            let name = format!("{name} as {parameter}");
            assert_refused(fixture, &form, &name, |logged| match is_exact(reason) {
                true => logged == format!("{parameter}: {reason}"),
                false => logged.starts_with(&format!("{parameter}: ")),
            });
        }
    }
}

#[test]
fn hostile_tokens_are_refused_each_for_its_reason() {
    let fixture = eventful();
    let own = tokens::rows();
    assert_all_refused(&fixture, &own, ACCESS_TOKEN, |_| true);
    // As JWTs those that are none of the realm's are another issuer's, if anybody's.
    assert_all_refused(&fixture, &own, JWT, |reason| {
        reason != NOT_OURS && reason != EXPIRED
    });
    let mut others = foreign::rows();
    others.extend(tokens::foreign_rows());
    assert_all_refused(&fixture, &others, JWT, |_| true);
    // And whatever they are, they are no access tokens of the realm.
    assert_all_refused(&fixture, &others, ACCESS_TOKEN, |_| false);
    assert_refused(
        &fixture,
        &subject(&by_idp().text(), ACCESS_TOKEN),
        "another's",
        |reason| reason == format!("subject_token: {NOT_OURS}"),
    );
    let rows = [own, others].concat();
    let names = rows.iter().map(|(name, ..)| name).collect::<HashSet<_>>();
    assert_eq!(names.len(), rows.len(), "a name stands twice");
    // Nothing of that was in the way of good ones.
    for form in [
        held(&of_front()),
        held(&super::own()),
        subject(&by_idp().text(), JWT),
    ] {
        assert_eq!(fixture.exchange("api", &form).status(), 200);
    }
    println!(
        "{} hostile tokens not exchanged, each for its reason",
        rows.len()
    );
    assert!(rows.len() >= 130);
}

#[test]
fn hostile_requests_are_refused_each_for_its_reason() {
    let fixture = eventful();
    requests::register(&fixture);
    let acts = fixture.store.acts();
    let rows = requests::rows();
    for row in &rows {
        let name = row.name;
        let body = format!("grant_type={EXCHANGE}{}", row.form);
        let answer = fixture.token_as(&row.authorization, &body);
        assert_eq!(answer.error(), (row.status, row.error.to_owned()), "{name}");
        let log = answer.log();
        assert_eq!(log["reason"], row.reason, "{name}");
        assert_eq!(
            (&log["outcome"], log.get("jti")),
            (&json!("rejected"), None),
            "{name}"
        );
        assert_eq!(answer.json().get("access_token"), None, "{name}");
    }
    assert_eq!(fixture.store.acts(), acts);
    let names = rows.iter().map(|row| row.name).collect::<HashSet<_>>();
    assert_eq!(names.len(), rows.len(), "a name stands twice");
    assert_eq!(fixture.exchange_one(&of_front(), "").status(), 200);
    println!(
        "{} hostile exchanges refused, each for its reason",
        rows.len()
    );
    assert!(rows.len() >= 50);
}
