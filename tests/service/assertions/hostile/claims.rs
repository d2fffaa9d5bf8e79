//! Claims, replays and confusions (RFC 7523 §3, RFC 8725 §2).

use super::*;

fn missing(claim: &str) -> String {
    format!("its claim `{claim}` is missing or malformed")
}

/// Bad values of a claim that must be there, or be a moment.
fn malformed<const N: usize>(claim: &str, rows: [(&'static str, Value); N]) -> Vec<Row> {
    let rows = rows.map(|(name, value)| (name, good().claim(claim, value).text()));
    because(&missing(claim), rows)
}

/// Lacks a claim.
fn lacks(name: &'static str, claim: &str) -> Vec<Row> {
    because(&missing(claim), [(name, good().without(claim).text())])
}

pub(super) fn of_whom() -> Vec<Row> {
    let both = |id: &str| good().claim("iss", id).claim("sub", id);
    let unknown = [
        ("sub nobody", good().claim("sub", "nobody").text()),
        ("an unknown client", both("nobody").text()),
        ("the client in upper case", both("APP").text()),
        ("a sub that no client can have", both("app\n").text()),
    ];
    let others = [
        ("sub another client", good().claim("sub", "other").text()),
        ("iss and sub another client", both("other").text()),
    ];
    let of_other = both("other").without("kid").text();
    let disabled = [("a disabled client", both("disabled").text())];
    let for_whom = |audience: Value| good().claim("aud", audience).text();
    let audiences = [
        ("no aud", good().without("aud").text()),
        ("aud null", for_whom(Value::Null)),
        ("aud empty", for_whom(json!(""))),
        ("aud a number", for_whom(json!(1))),
        ("aud an empty list", for_whom(json!([]))),
        (
            "aud a list with more",
            for_whom(json!([ISSUER, "https://x.example"])),
        ),
        ("aud another realm's issuer", for_whom(json!(OTHER_ISSUER))),
        (
            "aud the token endpoint",
            for_whom(json!(format!("{ISSUER}/token"))),
        ),
        (
            "aud the short token endpoint",
            for_whom(json!("https://auth.example/token")),
        ),
        (
            "aud with a slash behind",
            for_whom(json!(format!("{ISSUER}/"))),
        ),
        ("aud in upper case", for_whom(json!(ISSUER.to_uppercase()))),
        (
            "aud with a host in upper case",
            for_whom(json!(ISSUER.replace("auth", "AUTH"))),
        ),
        (
            "aud by http",
            for_whom(json!(ISSUER.replace("https", "http"))),
        ),
        ("aud the origin", for_whom(json!("https://auth.example"))),
        ("aud the client", for_whom(json!("app"))),
    ];
    let rows = [
        lacks("no iss", "iss"),
        malformed(
            "iss",
            [("iss empty", json!("")), ("iss a list", json!(["app"]))],
        ),
        because(
            SUBJECT,
            [
                ("iss another client", good().claim("iss", "other").text()),
                (
                    "iss nobody",
                    good().claim("iss", "https://login.example").text(),
                ),
            ],
        ),
        lacks("no sub", "sub"),
        malformed(
            "sub",
            [("sub a number", json!(1)), ("sub null", Value::Null)],
        ),
        because(UNKNOWN_KEY, others),
        because(
            SIGNATURE,
            [("another client whose key is not named", of_other)],
        ),
        refused("unknown client", unknown),
        refused("client disabled", disabled),
        because(AUDIENCE, audiences),
    ];
    rows.into_iter().flatten().collect()
}

pub(super) fn of_when() -> Vec<Row> {
    let expires = |at: u64| good().claim("exp", at).text();
    let too_long = |at: u64| format!("expires at {at}, more than 300 s ahead of {NOW}");
    let begins = |claim, ahead| good().claim(claim, NOW + ahead).text();
    let overflow = good().claims().replace(&(NOW + 60).to_string(), "1e999");
    let rows = [
        lacks("no exp", "exp"),
        malformed(
            "exp",
            [
                ("exp a text", json!((NOW + 60).to_string())),
                ("exp negative", json!(-1)),
                ("exp null", Value::Null),
                ("exp true", json!(true)),
                ("exp a list", json!([NOW + 60])),
            ],
        ),
        because(
            &format!("expired at {}, now {NOW}", NOW - 8),
            [
                ("exp 8 s ago", expires(NOW - 8)),
                (
                    "exp 7.5 s ago",
                    good().claim("exp", NOW as f64 - 7.5).text(),
                ),
            ],
        ),
        because(
            &format!("expired at 0, now {NOW}"),
            [("exp in 1970", expires(0))],
        ),
        because(
            &too_long(NOW + 331),
            [("exp 331 s ahead", expires(NOW + 331))],
        ),
        because(
            &too_long(u64::MAX),
            [
                ("exp the greatest number", expires(u64::MAX)),
                ("exp a huge number", good().claim("exp", 1e300).text()),
            ],
        ),
        because(
            MALFORMED,
            [("exp beyond all numbers", good().with_claims(overflow))],
        ),
        because(
            &format!("begins at {}, now {NOW}", NOW + 31),
            [
                ("nbf 31 s ahead", begins("nbf", 31)),
                ("iat 31 s ahead", begins("iat", 31)),
                (
                    "nbf ahead and iat not",
                    good().claim("iat", NOW).claim("nbf", NOW + 31).text(),
                ),
            ],
        ),
        malformed(
            "nbf",
            [("nbf a text", json!("0")), ("nbf negative", json!(-1))],
        ),
        malformed(
            "iat",
            [("iat a text", json!("0")), ("iat a list", json!([0]))],
        ),
    ];
    rows.into_iter().flatten().collect()
}

pub(super) fn replays() -> Vec<Row> {
    let used = good().claim("jti", "used");
    let rows = [
        because(
            REPLAYED,
            [
                ("the same again", used.text()),
                (
                    "the same jti, signed again",
                    used.clone().claim("exp", NOW + 299).text(),
                ),
                (
                    "the same with its signature's twin",
                    used.with_signature(twin),
                ),
            ],
        ),
        lacks("no jti", "jti"),
        malformed(
            "jti",
            [
                ("jti empty", json!("")),
                ("jti a number", json!(1)),
                ("jti null", Value::Null),
                ("jti of 256 octets", json!("j".repeat(256))),
            ],
        ),
    ];
    rows.into_iter().flatten().collect()
}

/// Good tokens, of other kinds or for others.
pub(super) fn other_tokens(fixture: &Fixture) -> Vec<Row> {
    let access_token = fixture
        .assert_by(&good().claim("jti", "for a token"))
        .json();
    let access_token = access_token["access_token"].as_str().unwrap().to_owned();
    let of_the_realm = good().header("kid", kid(1)).signed_by(1);
    let id_token = of_the_realm.clone().without("jti").header("typ", "JWT");
    let id_token = id_token.claim("iss", ISSUER).claim("aud", "app");
    let proof = Signed::proof(&format!("{ISSUER}/token"), "n");
    let elsewhere = good().claim("aud", OTHER_ISSUER);
    let rows = [
        because(
            TOKEN_TYPE,
            [("an access token", access_token), ("a proof", proof.text())],
        ),
        because(&missing("jti"), [("an ID token", id_token.text())]),
        because(
            UNKNOWN_KEY,
            [("an assertion that the realm signed", of_the_realm.text())],
        ),
        because(
            AUDIENCE,
            [(
                "an assertion for another realm's namesake",
                elsewhere.text(),
            )],
        ),
    ];
    rows.into_iter().flatten().collect()
}

/// Other ways than the one that is registered.
pub(super) fn other_ways() -> Vec<Row> {
    let row = |name, authorization: &str, form: String, reason: &str| Row {
        name,
        authorization: authorization.to_owned(),
        form,
        reason: reason.to_owned(),
    };
    let other_method = "not the registered authentication method";
    let no_assertion = format!("assertion: {NO_ASSERTION}");
    let text = good().text();
    let typed = |kind: &str| presented_as(kind, &text);
    let by_post = format!("&client_id=app&client_secret={}", SECRET.replace(' ', "+"));
    let of_basic = presented(&Signed::assertion("basic").text());
    let saml = "urn:ietf:params:oauth:client-assertion-type:saml2-bearer";
    let grant = "urn:ietf:params:oauth:grant-type:jwt-bearer";
    vec![
        row(
            "a good assertion of a client for Basic",
            "",
            of_basic,
            other_method,
        ),
        row(
            "its secret in Basic",
            &basic("app", SECRET),
            String::new(),
            other_method,
        ),
        row("its secret in the form", "", by_post, other_method),
        row(
            "its id alone",
            "",
            "&client_id=app".to_owned(),
            other_method,
        ),
        row("no type", "", typed(""), &no_assertion),
        row("the type of SAML", "", typed(saml), &no_assertion),
        row("the type of a grant", "", typed(grant), &no_assertion),
        row(
            "the type in upper case",
            "",
            typed(&ASSERTION_TYPE.to_uppercase()),
            &no_assertion,
        ),
        row("a type alone", "", presented(""), &no_assertion),
    ]
}
