//! RFC 6749 §2.3 and RFC 7617: who is let in, and that all who are not look alike.

use edge_token::auth_method::AuthMethod;
use edge_token::client::ClientSecretsKey;

use super::*;

const GRANT: &str = "grant_type=client_credentials";

#[test]
fn every_failed_authentication_looks_the_same() {
    let fixture = Fixture::new();
    fixture.register("disabled", |client| client.disabled = true);
    fixture.register("post", |client| {
        client.token_endpoint_auth_method = AuthMethod::ClientSecretPost;
    });
    fixture.register("public", |client| {
        client.token_endpoint_auth_method = AuthMethod::None;
        client.secrets.clear();
    });
    fixture.register("no-secret", |client| client.secrets.clear());
    fixture.register("expired", |client| {
        client.secrets[0].expires_at = Some(UnixTime::from_seconds(NOW));
    });
    fixture.register("early", |client| {
        client.secrets[0].not_before = Some(UnixTime::from_seconds(NOW + 1));
    });
    let token = |octets: &[u8]| format!("Basic {}", STANDARD.encode(octets));
    let post = |id, secret| format!("{GRANT}&client_id={id}&client_secret={secret}");
    let secret = "correct+horse+battery+staple";
    let long = "x".repeat(256);
    let cases = [
        ("no credentials", String::new(), GRANT.to_owned()),
        (
            "an id alone",
            String::new(),
            format!("{GRANT}&client_id=app"),
        ),
        (
            "a secret alone",
            String::new(),
            format!("{GRANT}&client_secret={secret}"),
        ),
        (
            "an unknown client",
            basic("nobody", SECRET),
            GRANT.to_owned(),
        ),
        (
            "an unknown client by post",
            String::new(),
            post("nobody", secret),
        ),
        ("a wrong secret", basic("app", "wrong"), GRANT.to_owned()),
        (
            "a secret cut short",
            basic("app", &SECRET[1..]),
            GRANT.to_owned(),
        ),
        (
            "a secret with more",
            basic("app", &format!("{SECRET} ")),
            GRANT.to_owned(),
        ),
        ("an empty secret", basic("app", ""), GRANT.to_owned()),
        (
            "a stored hash as the secret",
            basic("app", "sha256$BwcHBwcHBwcHBwcHBwcHBw"),
            GRANT.into(),
        ),
        (
            "a wrong secret by post",
            String::new(),
            post("post", "wrong"),
        ),
        (
            "a disabled client",
            basic("disabled", SECRET),
            GRANT.to_owned(),
        ),
        (
            "an expired secret",
            basic("expired", SECRET),
            GRANT.to_owned(),
        ),
        (
            "a secret not yet valid",
            basic("early", SECRET),
            GRANT.to_owned(),
        ),
        (
            "basic for a post client",
            basic("post", SECRET),
            GRANT.to_owned(),
        ),
        (
            "post for a basic client",
            String::new(),
            post("app", secret),
        ),
        (
            "a confidential client that only says who it is",
            String::new(),
            format!("{GRANT}&client_id=app"),
        ),
        (
            "nobody who only says who they are",
            String::new(),
            format!("{GRANT}&client_id=nobody"),
        ),
        (
            "a public client with a secret",
            basic("public", ""),
            GRANT.to_owned(),
        ),
        (
            "a client without secrets",
            basic("no-secret", ""),
            GRANT.to_owned(),
        ),
        ("another scheme", "Bearer abc".to_owned(), GRANT.to_owned()),
        ("a scheme alone", "Basic".to_owned(), GRANT.to_owned()),
        ("an empty token", "Basic ".to_owned(), GRANT.to_owned()),
        ("no colon", token(b"app"), GRANT.to_owned()),
        ("not base64", "Basic %%%".to_owned(), GRANT.to_owned()),
        (
            "base64 without its padding",
            "Basic YXBwOng".to_owned(),
            GRANT.to_owned(),
        ),
        (
            "base64 with stray bits",
            "Basic YXBwOnh=".to_owned(),
            GRANT.to_owned(),
        ),
        (
            "base64url",
            "Basic YXBwOj8_Pz8_".to_owned(),
            GRANT.to_owned(),
        ),
        (
            "base64 with a space",
            "Basic YXBw Ong=".to_owned(),
            GRANT.to_owned(),
        ),
        (
            "base64 and more",
            format!("{} x", basic("app", SECRET)),
            GRANT.to_owned(),
        ),
        (
            "two headers joined",
            format!("{0}, {0}", basic("app", SECRET)),
            GRANT.to_owned(),
        ),
        ("not UTF-8", token(b"app:\xff"), GRANT.to_owned()),
        ("an empty id", basic("", SECRET), GRANT.to_owned()),
        (
            "an id of 256 octets",
            basic(&long, SECRET),
            GRANT.to_owned(),
        ),
        (
            "an id with a line break",
            basic("app\n", SECRET),
            GRANT.to_owned(),
        ),
        (
            "an id that is not ASCII",
            basic("äpp", SECRET),
            GRANT.to_owned(),
        ),
        (
            "an id in other letters",
            basic("APP", SECRET),
            GRANT.to_owned(),
        ),
    ];
    let expected = fixture.token_as(&basic("nobody", "x"), GRANT).response;
    assert_eq!(expected.status, 401);
    assert!(expected.body.contains("\"invalid_client\""));
    assert!(
        expected
            .headers
            .contains(&("www-authenticate", "Basic realm=\"default\"".into()))
    );
    for (name, authorization, body) in cases {
        let answer = fixture.token_as(&authorization, &body);
        assert_eq!(answer.response, expected, "{name}");
    }
}

#[test]
fn the_log_tells_failed_authentications_apart() {
    let fixture = Fixture::new();
    fixture.register("disabled", |client| client.disabled = true);
    fixture.register("expired", |client| {
        client.secrets[0].expires_at = Some(UnixTime::from_seconds(NOW));
    });
    for (authorization, reason, client_id) in [
        (String::new(), "no client authentication", None),
        ("Basic x".into(), "malformed basic credentials", None),
        (basic("nobody", SECRET), "unknown client", None),
        (basic("app", "x"), "wrong secret", Some("app")),
        (
            basic("disabled", SECRET),
            "client disabled",
            Some("disabled"),
        ),
        (
            basic("expired", SECRET),
            "secret expired at",
            Some("expired"),
        ),
    ] {
        let answer = fixture.token_as(&authorization, GRANT);
        assert!(answer.reason().starts_with(reason), "{}", answer.reason());
        assert_eq!(answer.log()["client_id"].as_str(), client_id);
        assert_eq!(answer.log()["outcome"], "rejected");
    }
}

#[test]
fn ids_that_no_client_can_have_cost_no_look_up() {
    let fixture = Fixture::new();
    for id in ["x".repeat(256), "a\nb".into(), "é".into(), String::new()] {
        assert_eq!(fixture.token_as(&basic(&id, SECRET), GRANT).status(), 401);
    }
    assert_eq!(fixture.store.reads(), 0);
    let longest = "x".repeat(255);
    fixture.register(&longest, |_| ());
    assert_eq!(
        fixture.token_as(&basic(&longest, SECRET), GRANT).status(),
        200
    );
}

#[test]
fn basic_is_read_in_every_way_that_clients_send_it() {
    let secret = "a+b c%20:ä/=&";
    let encoded = "a%2Bb+c%2520%3A%C3%A4%2F%3D%26";
    let fixture = Fixture::new();
    for id in ["app", "my app", "my+app", "50%", "a%41"] {
        fixture.register(id, |client| {
            client.secrets = vec![stored_secret("s1", secret)]
        });
    }
    for (name, authorization) in [
        ("as sent", basic("app", secret)),
        ("form-encoded", basic("app", encoded)),
        (
            "scheme in lower case",
            basic("app", secret).replace("Basic", "basic"),
        ),
        (
            "scheme in upper case",
            basic("app", secret).replace("Basic", "BASIC"),
        ),
        (
            "several spaces",
            basic("app", secret).replace("Basic ", "Basic   "),
        ),
        ("id with a space, encoded by plus", basic("my+app", encoded)),
        (
            "id with a space, encoded by escape",
            basic("my%20app", encoded),
        ),
        ("id with a space, as sent", basic("my app", secret)),
        ("id with a plus, encoded", basic("my%2Bapp", encoded)),
        ("id with a percent, as sent", basic("50%", secret)),
        ("id with a percent, encoded", basic("50%25", encoded)),
        ("id that looks encoded, as sent", basic("a%41", secret)),
        ("id encoded and secret as sent", basic("my%2Bapp", secret)),
        ("id as sent and secret encoded", basic("50%", encoded)),
    ] {
        let answer = fixture.token_as(&authorization, GRANT);
        assert_eq!(answer.status(), 200, "{name}: {}", answer.reason());
    }
}

#[test]
fn a_half_that_reads_in_two_ways_may_be_either_clients() {
    let fixture = Fixture::new();
    fixture.register("my+app", |client| {
        client.secrets = vec![stored_secret("s1", "one")]
    });
    fixture.register("my app", |client| {
        client.secrets = vec![stored_secret("s1", "two")]
    });
    let sub = |secret| fixture.token_as(&basic("my+app", secret), GRANT).claims()["sub"].clone();
    assert_eq!(sub("one"), "my+app");
    assert_eq!(sub("two"), "my app");
}

#[test]
fn basic_may_come_with_its_own_client_id() {
    let fixture = Fixture::new();
    fixture.register("my app", |_| ());
    for (authorization, client_id, expected) in [
        (basic("app", SECRET), "app", (200, "")),
        (basic("my+app", SECRET), "my+app", (200, "")),
        (basic("my app", SECRET), "my%20app", (200, "")),
        (basic("app", SECRET), "App", (400, "invalid_request")),
        (basic("app", "wrong"), "app", (401, "invalid_client")),
    ] {
        let body = format!("{GRANT}&client_id={client_id}");
        let (status, error) = fixture.token_as(&authorization, &body).error();
        assert_eq!((status, &*error), expected, "{client_id}");
    }
}

#[test]
fn client_secret_post_works_for_clients_registered_for_it() {
    let fixture = Fixture::new();
    fixture.register("post", |client| {
        client.token_endpoint_auth_method = AuthMethod::ClientSecretPost;
    });
    let body = format!("{GRANT}&client_id=post&client_secret=correct+horse%20battery+staple");
    assert_eq!(fixture.token_as("", &body).status(), 200);
}

#[test]
fn old_and_new_secrets_overlap_and_the_log_names_the_one_used() {
    let fixture = Fixture::new();
    fixture.register("app", |client| {
        let mut old = stored_secret("old", "old secret");
        old.expires_at = Some(UnixTime::from_seconds(NOW + 1));
        let mut new = stored_secret("new", "new secret");
        new.not_before = Some(UnixTime::from_seconds(NOW));
        client.secrets = vec![old, new];
    });
    for (secret, id) in [("old secret", "old"), ("new secret", "new")] {
        let answer = fixture.token_as(&basic("app", secret), GRANT);
        assert_eq!(
            (answer.status(), &answer.log()["secret_id"]),
            (200, &json!(id))
        );
    }
}

#[test]
fn a_secret_that_stands_twice_is_valid_while_one_of_the_two_is() {
    let fixture = Fixture::new();
    for (name, expires_at) in [
        ("the first is over", [Some(NOW), None]),
        ("the second is", [None, Some(NOW)]),
    ] {
        fixture.register("app", |client| {
            client.secrets = vec![stored_secret("s1", SECRET), stored_secret("s2", SECRET)];
            for (secret, expires_at) in client.secrets.iter_mut().zip(expires_at) {
                secret.expires_at = expires_at.map(UnixTime::from_seconds);
            }
        });
        assert_eq!(fixture.token("").status(), 200, "{name}");
    }
}

#[test]
fn imported_secrets_verify_under_their_key() {
    let fixture = Fixture::new();
    let hash = |key: &str| {
        let key = ClientSecretsKey::parse(key.to_owned()).unwrap();
        ClientSecretHash::of_imported(&ClientSecret::new("imported".into()), [3; 16], &key)
    };
    for (id, key, status) in [
        ("good", CLIENT_SECRETS_KEY.to_owned(), 200),
        ("other-key", "f".repeat(32), 401),
    ] {
        fixture.register(id, |client| client.secrets[0].hash = hash(&key));
        assert_eq!(
            fixture.token_as(&basic(id, "imported"), GRANT).status(),
            status,
            "{id}"
        );
        assert_eq!(
            fixture.token_as(&basic(id, "wrong"), GRANT).status(),
            401,
            "{id}"
        );
    }
}

#[test]
fn hashes_are_those_of_docs_storage() {
    // printf 'salt: 16 octets.the secret' | openssl dgst -sha256, and with -hmac.
    let secret = ClientSecret::new("the secret".to_owned());
    let salt = *b"salt: 16 octets.";
    let key = ClientSecretsKey::parse(CLIENT_SECRETS_KEY.to_owned()).unwrap();
    let text = |hash| serde_json::to_value::<ClientSecretHash>(hash).unwrap();
    assert_eq!(
        text(ClientSecretHash::of_generated(&secret, salt)),
        SHA256_VECTOR
    );
    assert_eq!(
        text(ClientSecretHash::of_imported(&secret, salt, &key)),
        HMAC_VECTOR
    );
}

const SHA256_VECTOR: &str =
    "sha256$c2FsdDogMTYgb2N0ZXRzLg$2-RVm7SSSoMqoQl8kQUF_Yq1ZVAREW0E15PzqmhYZ_Q";
const HMAC_VECTOR: &str =
    "hmac-sha256$c2FsdDogMTYgb2N0ZXRzLg$pOCCAUsbFcbr1ld0_rZdaJLp6OrTf-NnsnKZVrGp2pM";

#[test]
fn an_imported_secret_that_has_ended_needs_no_key_any_more() {
    let secrets = HashMap::from([("SIGNING_KEYS", secrets()["SIGNING_KEYS"].clone())]);
    let fixture = Fixture::configured(json!({ "default": { "issuer": ISSUER } }), &secrets);
    let key = ClientSecretsKey::parse(CLIENT_SECRETS_KEY.to_owned()).unwrap();
    let old = ClientSecret::new("old".to_owned());
    let imported = |expires_at| StoredSecret {
        id: "old".to_owned(),
        hash: ClientSecretHash::of_imported(&old, [1; 16], &key),
        not_before: None,
        expires_at,
    };
    let ended = Some(UnixTime::from_seconds(NOW));
    for (expires_at, right, wrong) in [(ended, 200, 401), (None, 200, 503)] {
        fixture.register("app", |client| client.secrets.push(imported(expires_at)));
        assert_eq!(fixture.token("").status(), right);
        let answer = fixture.token_as(&basic("app", "wrong"), "grant_type=client_credentials");
        assert_eq!(answer.status(), wrong);
    }
}
