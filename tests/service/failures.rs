//! Storage that fails and records that cannot be used: 503, never a 401, never a token.

use edge_token::error::Rejection;
use edge_token::service::Reply;

use super::*;

fn app() -> ClientId {
    ClientId::parse("app").unwrap()
}

fn assert_unavailable(answer: &Answer, reason: &str) {
    assert_eq!(
        answer.error(),
        (503, "temporarily_unavailable".into()),
        "{reason}"
    );
    assert!(answer.header("retry-after").is_some());
    assert_eq!(answer.header("www-authenticate"), None);
    assert!(
        matches!(answer.log, Some(Log::Error(_))),
        "{:?}",
        answer.log
    );
    assert!(
        answer.reason().contains(reason),
        "{} does not say {reason}",
        answer.reason()
    );
}

#[test]
fn storage_that_fails_or_hangs_is_a_503_and_the_next_request_succeeds() {
    for (error, reason) in [
        (
            StoreError::Unavailable {
                detail: "KV GET failed: 500".into(),
            },
            "KV GET failed: 500",
        ),
        (StoreError::Timeout, "did not answer in time"),
    ] {
        let fixture = Fixture::new();
        fixture.put(&app(), Err(error));
        let answer = fixture.token("");
        assert_unavailable(&answer, reason);
        assert!(
            !answer.response.body.contains("KV"),
            "{}",
            answer.response.body
        );
        let wrong = fixture.token_as(&basic("app", "wrong"), "grant_type=client_credentials");
        assert_unavailable(&wrong, reason);
        fixture.register("app", |_| ());
        assert_eq!(fixture.token("").status(), 200);
    }
}

#[test]
fn records_that_cannot_be_used_are_a_503_that_names_the_key() {
    let fixture = Fixture::new();
    let mut client = Client::new(app(), fixture.now, "test".to_owned());
    client.grant_types = vec!["client_credentials".to_owned()];
    client.secrets = vec![stored_secret("s1", SECRET)];
    let good = serde_json::to_value(&client).unwrap();
    let with = |member: &str, value: Value| {
        let mut record = good.clone();
        record[member] = value;
        record.to_string()
    };
    let without = |member: &str| {
        let mut record = good.clone();
        record.as_object_mut().unwrap().remove(member);
        record.to_string()
    };
    let hash = |text: &str| with("secrets", json!([{ "id": "s1", "hash": text }]));
    let (salt, digest) = ("A".repeat(22), "A".repeat(43));
    let cases = [
        (String::new(), "not a JSON object"),
        ("null".to_owned(), "not a JSON object"),
        ("{".to_owned(), "not a JSON object"),
        (
            good.to_string().replacen('{', r#"{"disabled":true,"#, 1),
            "repeated members",
        ),
        (without("version"), "member `version` is missing"),
        (with("version", json!(2)), "record version 2 is not 1"),
        (with("version", json!("1")), "member `version` must be"),
        (without("client_id"), "member `client_id` is missing"),
        (
            with("client_id", json!("other")),
            "member `client_id` is another client's",
        ),
        (without("grant_types"), "member `grant_types` is missing"),
        (with("scope", json!("a  b")), "member `scope` must be"),
        (
            with("default_scope", json!("delete")),
            "member `default_scope` exceeds `scope`",
        ),
        (
            without("token_endpoint_auth_method"),
            "member `token_endpoint_auth_method` is missing",
        ),
        (
            with("token_endpoint_auth_method", json!("x")),
            "`token_endpoint_auth_method` must be",
        ),
        (with("disabled", json!("no")), "member `disabled` must be"),
        (
            with("access_token_ttl", json!(-1)),
            "member `access_token_ttl` must be",
        ),
        (with("claims", json!([1])), "member `claims` must be"),
        (
            with("claims", json!({ "exp": 9 })),
            "sets the reserved claim `exp`",
        ),
        (
            with("claims", json!({ "client_id": "x" })),
            "sets the reserved claim `client_id`",
        ),
        (
            with("only_on_sundays", json!(true)),
            "member `only_on_sundays` is unknown",
        ),
        (
            hash(&format!("argon2id${salt}${digest}")),
            "member `secrets` must be",
        ),
        (hash(SECRET), "member `secrets` must be"),
        (hash(&format!("sha256${salt}")), "member `secrets` must be"),
        (
            hash(&format!("sha256${salt}${digest}$x")),
            "member `secrets` must be",
        ),
        (
            hash(&format!("sha256${salt}${digest}=")),
            "member `secrets` must be",
        ),
        (
            hash(&format!("sha256$AA${digest}")),
            "member `secrets` must be",
        ),
        (
            with("secrets", json!([{ "id": "s1" }])),
            "member `secrets` must be",
        ),
        (
            with("secrets", json!([{ "id": "s1", "secret": SECRET }])),
            "member `secrets` must be",
        ),
    ];
    for (record, reason) in cases {
        fixture.put(&app(), Ok(record));
        let answer = fixture.token("");
        assert_unavailable(&answer, reason);
        assert!(
            answer.reason().contains("`client/default/app`"),
            "{}",
            answer.reason()
        );
        assert!(
            !answer.log().to_string().contains(SECRET),
            "{}",
            answer.log()
        );
    }
    fixture.put(&app(), Ok(good.to_string()));
    assert_eq!(fixture.token("").status(), 200);
}

#[test]
fn an_imported_secret_without_its_key_is_a_503() {
    for client_secrets_key in [None, Some("short")] {
        let mut secrets = secrets();
        secrets.remove("CLIENT_SECRETS_KEY");
        if let Some(key) = client_secrets_key {
            secrets.insert("CLIENT_SECRETS_KEY", key.to_owned());
        }
        let fixture = Fixture::configured(json!({ "default": { "issuer": ISSUER } }), &secrets);
        fixture.register("generated", |_| ());
        let key = edge_token::client::ClientSecretsKey::parse(CLIENT_SECRETS_KEY.into()).unwrap();
        let secret = ClientSecret::new(SECRET.into());
        let hash = ClientSecretHash::of_imported(&secret, [3; 16], &key);
        fixture.register("app", |client| client.secrets[0].hash = hash);
        assert_unavailable(&fixture.token(""), "CLIENT_SECRETS_KEY is missing");
        let body = "grant_type=client_credentials";
        assert_eq!(
            fixture.token_as(&basic("generated", SECRET), body).status(),
            200
        );
    }
}

#[test]
fn a_body_that_is_cut_off_is_its_senders_doing() {
    let (why, now) = (Rejection::UnreadableBody, UnixTime::from_seconds(NOW));
    let reply = Reply::without_body(&Request::default(), why, now);
    // Nobody can fill the log with what costs nothing.
    assert!(reply.log.is_none());
    let answer = Answer {
        response: reply.response,
        log: reply.log,
    };
    assert_eq!(answer.error(), (400, "invalid_request".into()));
}
