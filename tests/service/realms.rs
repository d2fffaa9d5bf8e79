//! Realms that could be taken for one another.

use super::*;

const TWINS: [(&str, &str); 2] = [("a", "a.example"), ("b", "b.example")];
const TRIPLETS: [(&str, &str); 3] = [TWINS[0], TWINS[1], ("c", "c.example")];

/// Realms at the same paths of as many hosts, whose tokens have one `iss`.
fn alike<const N: usize>(
    places: [(&str, &str); N],
    more: [Value; N],
    secrets: &HashMap<&str, String>,
) -> Fixture {
    let mut realms = json!({});
    for ((name, host), more) in places.into_iter().zip(more) {
        let mut realm = json!({
            "dialect": "light-oauth2", "iss": "urn:com:networknt:oauth2:v1", "hosts": [host],
            "issuer": format!("https://{host}/realms/{name}"),
        });
        realm
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        realms[name] = realm;
    }
    Fixture::configured(realms, secrets)
}

fn served<const N: usize>(fixture: &Fixture, places: [(&str, &str); N]) -> [u16; N] {
    places.map(|(name, host)| {
        let path = format!("/realms/{name}/jwks");
        let request = Request {
            method: "GET",
            path: &path,
            ..Request::default()
        };
        let answer = fixture.send_with(host, &request, &|_| Ok(()));
        if answer.status() == 503 {
            let reason = answer.reason();
            assert!(reason.contains("has its `iss` too"), "{reason}");
            assert!(reason.contains("signing_keys"), "{reason}");
        }
        answer.status()
    })
}

/// With one `iss` and one key nobody could tell whose a token is.
#[test]
fn realms_that_sign_alike_are_not_served() {
    let mut secrets = secrets();
    let other = jwk_set(&[&key(2, NOW - 1000, NOW + 1_000_000)]);
    secrets.insert("OTHER_KEYS", other);
    let both = [1, 2].map(|octet| key(octet, NOW - 1000, NOW + 1_000_000));
    secrets.insert("BOTH_KEYS", jwk_set(&[&both[0], &both[1]]));
    let other = json!({ "signing_keys": ["OTHER_KEYS"] });
    let both = json!({ "signing_keys": ["BOTH_KEYS"] });
    for (more, expected) in [
        ([json!({}), json!({})], [503, 503]),
        ([json!({}), both.clone()], [503, 503]),
        ([both, other.clone()], [503, 503]),
        ([json!({}), other], [200, 200]),
        ([json!({}), json!({ "iss": "urn:other" })], [200, 200]),
        // What the one is called is where the other is.
        (
            [json!({}), json!({ "iss": "https://a.example/realms/a" })],
            [200, 200],
        ),
        (
            [
                json!({ "iss": "https://b.example/realms/b" }),
                json!({ "iss": "https://b.example/realms/b" }),
            ],
            [503, 503],
        ),
    ] {
        let fixture = alike(TWINS, more.clone(), &secrets);
        assert_eq!(served(&fixture, TWINS), expected, "{more:?}");
    }
}

/// That two are not served already serves no third.
#[test]
fn of_several_that_sign_alike_none_is_served() {
    let mut secrets = secrets();
    let other = jwk_set(&[&key(2, NOW - 1000, NOW + 1_000_000)]);
    secrets.insert("OTHER_KEYS", other);
    let (own, other) = (json!({}), json!({ "signing_keys": ["OTHER_KEYS"] }));
    for (more, expected) in [
        ([&own, &own, &own], [503, 503, 503]),
        ([&own, &own, &other], [503, 503, 200]),
        ([&own, &other, &own], [503, 200, 503]),
        ([&other, &own, &own], [200, 503, 503]),
    ] {
        let fixture = alike(TRIPLETS, more.map(Clone::clone), &secrets);
        assert_eq!(served(&fixture, TRIPLETS), expected, "{more:?}");
    }
}
