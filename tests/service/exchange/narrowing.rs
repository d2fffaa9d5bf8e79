//! RFC 8693 §2.1, §2.2.1: the scope and the audience, never more than the subject's token had.

use super::*;

fn tokens(text: &'static str) -> impl Iterator<Item = &'static str> {
    text.split([' ', '+']).filter(|token| !token.is_empty())
}

#[test]
fn the_scope_is_within_the_subjects_the_clients_and_the_realms() {
    let sets = ["", "a", "b", "a b"];
    let mut rows = 0;
    for realm in [None, Some("a")] {
        let fixture = Fixture::exchanging_with(json!({ "scopes": realm }));
        for client in sets {
            fixture.register_api(|record| {
                record.scope = ScopeSet::parse(client).unwrap();
                // What it gets for itself without asking says nothing here.
                record.default_scope = Some(ScopeSet::default());
            });
            for subject in sets {
                let token = of_front().claim("scope", subject);
                for asked in ["", "a", "b", "a+b"] {
                    let name = format!("{asked:?} of {subject:?}, {client:?}, {realm:?}");
                    let is_allowed = |token: &str| {
                        let mut bounds = [Some(subject), Some(client), realm].into_iter().flatten();
                        bounds.all(|bound| tokens(bound).any(|known| known == token))
                    };
                    let answer = fixture.exchange_one(&token, &format!("&scope={asked}"));
                    rows += 1;
                    if !tokens(asked).all(is_allowed) {
                        assert_eq!(answer.error(), (400, "invalid_scope".into()), "{name}");
                        assert_eq!(answer.reason(), "scope exceeds the client's", "{name}");
                        continue;
                    }
                    let granted = match asked {
                        "" => tokens(subject).filter(|token| is_allowed(token)).collect(),
                        asked => tokens(asked).collect::<Vec<_>>(),
                    };
                    let told = answer.json()["scope"]
                        .as_str()
                        .unwrap_or_default()
                        .to_owned();
                    assert_eq!(
                        (answer.status(), &told),
                        (200, &granted.join(" ")),
                        "{name}"
                    );
                    let claim = answer.claims()["scope"]
                        .as_str()
                        .unwrap_or_default()
                        .to_owned();
                    assert_eq!(claim, told, "{name}");
                }
            }
        }
    }
    assert_eq!(rows, 128);
}

#[test]
fn the_audience_is_within_the_subjects_and_the_clients_or_what_its_record_adds() {
    let fixture = Fixture::exchanging();
    let mut rows = 0;
    for client in [vec!["x"], vec!["y"], vec!["x", "y"]] {
        for added in [vec![], vec!["e"], vec!["x", "e"]] {
            fixture.register_api(|record| {
                record.audience = client.iter().map(|one| (*one).to_owned()).collect();
                record.exchange_audience = added.iter().map(|one| (*one).to_owned()).collect();
            });
            for subject in [vec![], vec!["x"], vec!["y"], vec!["y", "x"]] {
                // It is always for the client that has it.
                let audience = [&[API], &*subject].concat();
                let token = of_front().claim("aud", json!(audience));
                for (form, asked) in [
                    ("", vec![]),
                    ("&resource=x", vec!["x"]),
                    ("&audience=y", vec!["y"]),
                    ("&audience=e", vec!["e"]),
                    ("&audience=x&resource=y", vec!["y", "x"]),
                    ("&resource=x&resource=e", vec!["x", "e"]),
                    ("&audience=x&resource=x&audience=x", vec!["x"]),
                    ("&resource=https://api.example", vec![API]),
                ] {
                    let name = format!("{form:?} of {subject:?}, {client:?}, {added:?}");
                    let of_both = |one: &&str| subject.contains(one) && client.contains(one);
                    let both = client.iter().copied().filter(of_both).collect::<Vec<_>>();
                    let is_allowed = |one: &&str| both.contains(one) || added.contains(one);
                    let expected = match asked.as_slice() {
                        [] => both.clone(),
                        asked if asked.iter().all(is_allowed) => asked.to_vec(),
                        _ => vec![],
                    };
                    let answer = fixture.exchange_one(&token, form);
                    rows += 1;
                    match expected.as_slice() {
                        [] => {
                            assert_eq!(answer.error(), (400, "invalid_target".into()), "{name}");
                            assert_eq!(answer.reason(), "unknown target", "{name}");
                        }
                        [one] => assert_eq!(answer.claims()["aud"], *one, "{name}"),
                        several => assert_eq!(answer.claims()["aud"], json!(several), "{name}"),
                    }
                }
            }
        }
    }
    assert_eq!(rows, 288);
}

#[test]
fn a_token_of_the_clients_own_is_narrowed_too() {
    let fixture = Fixture::exchanging();
    for (form, audience, scope) in [
        ("", json!([API, DB]), "read write"),
        (
            "&audience=https://db.example&scope=write",
            json!(DB),
            "write",
        ),
        (
            "&resource=https://backend.example",
            json!(BACKEND),
            "read write",
        ),
    ] {
        let claims = fixture.exchange_one(&own(), form).claims();
        assert_eq!(
            (&claims["aud"], &claims["scope"]),
            (&audience, &json!(scope)),
            "{form}"
        );
    }
    // Narrow once, narrow for ever.
    let answer = fixture.exchange_one(&own(), "&audience=https://db.example&scope=write");
    let narrow = answer.json()["access_token"].as_str().unwrap().to_owned();
    for (form, error) in [
        ("&scope=read", "invalid_scope"),
        ("&scope=read+write", "invalid_scope"),
        ("&audience=https://api.example", "invalid_target"),
    ] {
        let again = fixture.exchange("api", &format!("{}{form}", subject(&narrow, ACCESS_TOKEN)));
        assert_eq!(again.error(), (400, error.into()), "{form}");
    }
}

#[test]
fn who_it_may_be_for_says_the_realm_where_the_record_does_not() {
    for (more, expected) in [
        (json!({}), json!(ISSUER)),
        (json!({ "audience": [DB] }), json!(DB)),
        (json!({ "audience": [DB, ISSUER] }), json!([DB, ISSUER])),
    ] {
        let fixture = Fixture::exchanging_with(more);
        fixture.register_api(|client| client.audience.clear());
        let token = of_front().claim("aud", json!([ISSUER, API, DB]));
        assert_eq!(fixture.exchange_one(&token, "").claims()["aud"], expected);
    }
}
