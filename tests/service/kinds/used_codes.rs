//! RFC 6749 §4.1.2: a code that is used again shows a theft only if the rest fits; a code alone, which
//! histories and logs have, ends nobody's session.

use super::super::people::{CALLBACK, PKCE, People, VERIFIER, encoded, invalid_grant};
use super::*;

/// A code of the public client `spa` that was used, and the tokens that it gave.
fn used(people: &People) -> (String, Answer) {
    let code = people.code("spa", &format!("&scope=openid{PKCE}"), json!({}));
    let tokens = redeem(people, &code, CALLBACK, VERIFIER);
    assert_eq!(tokens.status(), 200);
    (code, tokens)
}

fn redeem(people: &People, code: &str, redirect_uri: &str, verifier: &str) -> Answer {
    let redirect_uri = encoded(redirect_uri);
    let form = format!(
        "grant_type=authorization_code&client_id=spa&code={code}&redirect_uri={redirect_uri}\
         &code_verifier={verifier}"
    );
    people.token("spa", &form)
}

#[test]
fn a_used_code_without_the_rest_ends_nothing() {
    let people = People::new();
    people.register("other", |client| {
        client.secrets.clear();
        client.token_endpoint_auth_method = edge_token::auth_method::AuthMethod::None;
    });
    let (code, tokens) = used(&people);
    let short = &VERIFIER[..42];
    for (redirect_uri, verifier) in [
        (CALLBACK, ""),
        (CALLBACK, "x"),
        (CALLBACK, short),
        ("", VERIFIER),
        ("https://app.example/", VERIFIER),
        ("", ""),
    ] {
        let answer = redeem(&people, &code, redirect_uri, verifier);
        assert_eq!(answer.error(), invalid_grant(), "{redirect_uri} {verifier}");
        // The answer is that of any bad code: it does not tell that this one was good.
        let unknown = redeem(&people, &"A".repeat(64), redirect_uri, verifier);
        assert_eq!(answer.response, unknown.response);
    }
    let uri = encoded(CALLBACK);
    for (id, form) in [
        ("spa", format!("client_id=spa&code={code}")),
        (
            "spa",
            format!("client_id=other&code={code}&redirect_uri={uri}&code_verifier={VERIFIER}"),
        ),
        (
            "app",
            format!("code={code}&redirect_uri={uri}&code_verifier={VERIFIER}"),
        ),
    ] {
        let answer = people.token(id, &format!("grant_type=authorization_code&{form}"));
        assert_eq!(answer.error(), invalid_grant(), "{form}");
    }
    assert_eq!(people.userinfo(&tokens.text("access_token")).status(), 200);
    let refresh_token = tokens.text("refresh_token");
    let form = format!("grant_type=refresh_token&client_id=spa&refresh_token={refresh_token}");
    assert_eq!(people.token("spa", &form).status(), 200);
    // With all of it, it is a replay.
    let replay = redeem(&people, &code, CALLBACK, VERIFIER);
    assert_eq!(replay.error(), invalid_grant());
    assert!(replay.reason().contains("revoked"), "{}", replay.reason());
    assert_eq!(people.fixture.store.families(), 0);
}

#[test]
fn a_confidential_client_without_pkce_needs_its_redirect_uri_still() {
    let people = People::new();
    let code = people.code("app", "&scope=openid", json!({}));
    let tokens = people.redeem(&code, "");
    for form in [
        format!("code={code}"),
        format!("code={code}&redirect_uri=https%3A%2F%2Fapp.example"),
        format!(
            "code={code}&redirect_uri={}&code_verifier={VERIFIER}",
            encoded(CALLBACK)
        ),
    ] {
        let answer = people.token("app", &format!("grant_type=authorization_code&{form}"));
        assert_eq!(answer.error(), invalid_grant(), "{form}");
        assert_eq!(people.userinfo(&tokens.text("access_token")).status(), 200);
    }
    assert_eq!(people.redeem(&code, "").error(), invalid_grant());
    assert_eq!(people.userinfo(&tokens.text("access_token")).status(), 401);
}
