//! Requests that exchange nothing, whatever their tokens.

use edge_token::auth_method::AuthMethod;

use super::*;

/// A request: its name, how it is sent, and what becomes of it.
pub(super) struct Request {
    pub(super) name: &'static str,
    pub(super) authorization: String,
    pub(super) form: String,
    pub(super) status: u16,
    pub(super) error: &'static str,
    pub(super) reason: String,
}

/// The clients that ask.
pub(super) fn register(fixture: &Fixture) {
    let as_api = |id: &str, change: fn(&mut Client)| {
        fixture.register(id, |client| {
            may_present(client);
            client.audience = vec![API.into()];
            client.resources = vec![API.into()];
            change(client);
        });
    };
    as_api("public", |client| {
        client.secrets.clear();
        client.token_endpoint_auth_method = AuthMethod::None;
    });
    as_api("unregistered", |client| {
        client.grant_types = vec![JWT_BEARER.into(), "client_credentials".into()]
    });
    as_api("disabled", |client| client.disabled = true);
    as_api("signing", |client| {
        by_assertion(client, jwks(&[CLIENT_KEY]))
    });
    as_api("posting", |client| {
        client.token_endpoint_auth_method = AuthMethod::ClientSecretPost
    });
    as_api("elsewhere", |client| client.audience = vec![DB.into()]);
    as_api("alone", |client| client.trusted_issuers.clear());
    as_api("of-others", |client| {
        client.trusted_issuers = vec!["partner".into(), "IDP".into()]
    });
}

/// Those that fail for one reason.
fn because<const N: usize>(
    (status, error): (u16, &'static str),
    reason: &str,
    requests: [(&'static str, String, String); N],
) -> Vec<Request> {
    let requests = requests.map(|(name, authorization, form)| Request {
        name,
        authorization,
        form,
        status,
        error,
        reason: reason.to_owned(),
    });
    requests.into()
}

/// The same of forms that `api` sends.
fn forms<const N: usize>(
    error: &'static str,
    reason: &str,
    forms: [(&'static str, String); N],
) -> Vec<Request> {
    let api = || basic("api", SECRET);
    because(
        (400, error),
        reason,
        forms.map(|(name, form)| (name, api(), form)),
    )
}

pub(super) fn rows() -> Vec<Request> {
    let rows = [
        halves(),
        types(),
        repeated(),
        scopes(),
        audiences(),
        clients(),
    ];
    rows.into_iter().flatten().collect()
}

fn good() -> String {
    held(&of_front())
}

fn halves() -> Vec<Request> {
    let token = of_front().text();
    let missing = "The parameter subject_token is missing.";
    let half = "A token to be exchanged must come with its type, and a type with it.";
    let good = good();
    let own = actor(&own().text(), ACCESS_TOKEN);
    let rows = [
        forms(
            "invalid_request",
            missing,
            [
                ("no token", String::new()),
                (
                    "empty parameters",
                    "&subject_token=&subject_token_type=".into(),
                ),
                ("an actor alone", own.clone()),
                ("an assertion", format!("&assertion={token}")),
                (
                    "parameters of other names",
                    good.replace("subject_", "subject-"),
                ),
            ],
        ),
        forms(
            "invalid_request",
            half,
            [
                (
                    "a token without its type",
                    format!("&subject_token={token}"),
                ),
                (
                    "a type without its token",
                    format!("&subject_token_type={ACCESS_TOKEN}"),
                ),
                ("a token of an empty type", subject(&token, "")),
                ("an empty token", subject("", ACCESS_TOKEN)),
                (
                    "an actor without a type",
                    format!("{good}&actor_token={token}"),
                ),
                (
                    "an actor's type without a token",
                    format!("{good}&actor_token_type={ACCESS_TOKEN}"),
                ),
                (
                    "an actor of an empty type",
                    format!("{good}{}", actor(&token, "")),
                ),
                ("an empty actor", format!("{good}{}", actor("", JWT))),
                (
                    "an actor, and a subject without a type",
                    format!("&subject_token={token}{own}"),
                ),
            ],
        ),
    ];
    rows.into_iter().flatten().collect()
}

fn types() -> Vec<Request> {
    let text = "The token types are those of access tokens and JWTs.";
    let token = of_front().text();
    let of = |token_type: &str| subject(&token, token_type);
    let by = |token_type: &str| format!("{}{}", good(), actor(&token, token_type));
    let wants = |token_type: &str| format!("{}&requested_token_type={token_type}", good());
    let urn = |name: &str| ACCESS_TOKEN.replace("access_token", name);
    forms(
        "invalid_request",
        text,
        [
            ("a refresh token", of(&urn("refresh_token"))),
            ("an ID token", of(&urn("id_token"))),
            ("a SAML 1.1 assertion", of(&urn("saml1"))),
            ("a SAML 2.0 assertion", of(&urn("saml2"))),
            ("a type that nobody knows", of(&urn("txn_token"))),
            ("a type without its URN", of("access_token")),
            ("a type in upper case", of(&ACCESS_TOKEN.to_uppercase())),
            (
                "a type with a space behind",
                of(&format!("{ACCESS_TOKEN}+")),
            ),
            ("an actor's refresh token", by(&urn("refresh_token"))),
            ("an actor's ID token", by(&urn("id_token"))),
            ("a refresh token in return", wants(&urn("refresh_token"))),
            ("an ID token in return", wants(&urn("id_token"))),
            ("SAML in return", wants(&urn("saml2"))),
            ("a type in return that nobody knows", wants("x")),
        ],
    )
}

fn repeated() -> Vec<Request> {
    let twice = |parameter: &str| format!("{}&{parameter}&{parameter}", good());
    let good = good();
    forms(
        "invalid_request",
        "malformed form: a parameter stands twice",
        [
            ("two subjects", format!("{good}&subject_token=x")),
            ("two types", format!("{good}&subject_token_type={JWT}")),
            ("two actors", twice("actor_token=x")),
            (
                "two actors' types",
                twice(&format!("actor_token_type={JWT}")),
            ),
            (
                "two requested types",
                twice(&format!("requested_token_type={JWT}")),
            ),
            ("two scopes", twice("scope=read")),
        ],
    )
}

fn scopes() -> Vec<Request> {
    let with = |scope: &str| format!("{}&scope={scope}", good());
    let foreign = |scope: &str| {
        format!(
            "{}&scope={scope}",
            subject(&by(PARTNER, PARTNER_KEY).text(), JWT)
        )
    };
    let rows = [
        forms(
            "invalid_scope",
            "malformed scope",
            [
                ("a scope with two spaces", with("read++write")),
                ("a scope with a space before", with("+read")),
                ("a scope with a quote", with("%22read%22")),
                ("a scope with a newline", with("read%0Awrite")),
                ("a scope that is no ASCII", with("%C3%A9")),
            ],
        ),
        forms(
            "invalid_scope",
            "scope exceeds the client's",
            [
                (
                    "a scope of the client that the subject has not",
                    with("write"),
                ),
                (
                    "a scope of the subject that the client has not",
                    with("admin"),
                ),
                ("a scope of nobody", with("x")),
                ("a scope in upper case", with("READ")),
                ("a good scope and another", with("read+write")),
                ("openid that nobody gave", with("openid")),
                ("offline_access that nobody gave", with("offline_access")),
                (
                    "a scope that the issuer's word is not good for",
                    foreign("write"),
                ),
            ],
        ),
    ];
    rows.into_iter().flatten().collect()
}

fn audiences() -> Vec<Request> {
    let with = |parameters: &str| format!("{}{parameters}", good());
    let other = basic("elsewhere", SECRET);
    let mut rows = forms(
        "invalid_target",
        "unknown target",
        [
            (
                "a resource of the client that the subject has not",
                with("&resource=https://db.example"),
            ),
            ("an audience of nobody", with("&audience=x")),
            (
                "a good resource and another",
                with("&resource=https://api.example&resource=x"),
            ),
            (
                "a good audience and another resource",
                with("&audience=https://api.example&resource=x"),
            ),
            (
                "a resource with a slash behind",
                with("&resource=https://api.example/"),
            ),
            (
                "a resource in upper case",
                with("&resource=HTTPS://API.EXAMPLE"),
            ),
            (
                "a resource with a path",
                with("&resource=https://api.example/v1"),
            ),
            (
                "a resource with a fragment",
                with("&resource=https://api.example%23a"),
            ),
            ("the client", with("&audience=api")),
            ("the realm", with(&format!("&audience={ISSUER}"))),
            ("the subject's client", with("&audience=front")),
        ],
    );
    rows.extend(because(
        (400, "invalid_target"),
        "unknown target",
        [("nothing that both may be for", other, good())],
    ));
    rows
}

fn clients() -> Vec<Request> {
    let unregistered = "grant not registered for the client";
    let issued_by = format!("subject_token: {}", foreign::ISSUED_BY);
    let by_idp = subject(&by_idp().text(), JWT);
    let named = |id: &str| format!("{}&client_id={id}", good());
    let other_method = "not the registered authentication method";
    let rows = [
        because(
            (400, "unauthorized_client"),
            unregistered,
            [
                ("a public client", String::new(), named("public")),
                (
                    "a client without the grant",
                    basic("unregistered", SECRET),
                    good(),
                ),
            ],
        ),
        because(
            (401, "invalid_client"),
            "client disabled",
            [(
                "a client that is disabled",
                basic("disabled", SECRET),
                good(),
            )],
        ),
        because(
            (401, "invalid_client"),
            "unknown client",
            [("a client of nobody", basic("x", SECRET), good())],
        ),
        because(
            (401, "invalid_client"),
            "wrong secret",
            [("another secret", basic("api", "x"), good())],
        ),
        because(
            (401, "invalid_client"),
            "no client authentication",
            [("no client", String::new(), good())],
        ),
        because(
            (401, "invalid_client"),
            other_method,
            [
                ("an id alone", String::new(), named("api")),
                ("a secret of who signs", basic("signing", SECRET), good()),
                ("Basic of who posts", basic("posting", SECRET), good()),
            ],
        ),
        because(
            (401, "invalid_client"),
            "malformed basic credentials",
            [(
                "the subject's token for an authentication",
                format!("Bearer {}", of_front().text()),
                good(),
            )],
        ),
        because(
            (400, "invalid_request"),
            &issued_by,
            [
                (
                    "a client of no issuer",
                    basic("alone", SECRET),
                    by_idp.clone(),
                ),
                (
                    "a client of other issuers",
                    basic("of-others", SECRET),
                    by_idp,
                ),
            ],
        ),
    ];
    rows.into_iter().flatten().collect()
}
