//! What can never work: a client held against its realm, as wrangler.toml configures it. It is refused
//! wherever a client is written, unless `--force` says that it is known better.

use clap::Args;
use edge_token::client::Client;
use edge_token::grant_type::GrantType;
use edge_token::name::{ClientId, RealmName};
use edge_token::realm::Realm;

use crate::Error;
use crate::realms::Configured;
use crate::target::Target;

/// The shortest secret that is taken from elsewhere, in characters: a shorter one can be guessed (RFC
/// 6749 §10.10).
pub(crate) const SHORTEST_SECRET: usize = 16;

#[derive(Args)]
pub(crate) struct Force {
    /// Write it even if it can never work here: in a realm that is not configured, say, or with a
    /// secret that can be guessed
    #[arg(long)]
    pub(crate) force: bool,
}

impl Force {
    /// Refuses what is wrong, unless it is forced.
    pub(crate) fn refuse(&self, wrong: &[String]) -> Result<(), Error> {
        match wrong.is_empty() || self.force {
            true => Ok(()),
            false => Err(Error::Argument(format!(
                "{}: nothing was written; --force writes it all the same",
                wrong.join("; ")
            ))),
        }
    }
}

/// The realms that clients are written to.
pub(crate) struct Destination(Option<Configured>);

impl Destination {
    /// Reads wrangler.toml. Where there is none, nothing is known of realms, and nothing refused.
    pub(crate) fn read(target: &Target) -> Self {
        Self(Configured::read(target).ok())
    }

    /// Why no client can be served in a realm: it is not configured, or not as it must be.
    pub(crate) fn unconfigured(&self, realm: &RealmName) -> Option<String> {
        let configured = self.0.as_ref()?;
        let names = configured.names();
        if names.iter().any(|name| name == realm.as_str()) {
            let error = configured.named(realm.as_str()).err()?;
            return Some(format!(
                "realm `{realm}` cannot be served as wrangler.toml has it: {error}"
            ));
        }
        let known = match names.is_empty() {
            true => "it has none".to_owned(),
            false => format!("it has `{}`", names.join("`, `")),
        };
        Some(format!(
            "realm `{realm}` is not configured in this environment of wrangler.toml: {known}"
        ))
    }

    /// Why a client can never work in a realm.
    pub(crate) fn wrong(&self, client: &Client, name: &RealmName) -> Vec<String> {
        let realm = self.realm(name);
        let mut wrong = Vec::from_iter(self.unconfigured(name));
        wrong.extend(unservable(client, realm));
        wrong.extend(unknown_scopes(client, realm));
        wrong
    }

    /// The realm, if it can be served.
    pub(crate) fn realm(&self, name: &RealmName) -> Option<&Realm> {
        self.0.as_ref()?.named(name.as_str()).ok()
    }
}

/// Why something of a client can never work, but for its scopes.
pub(crate) fn unservable(client: &Client, realm: Option<&Realm>) -> Vec<String> {
    let mut all = of_record(client);
    all.extend(realm.into_iter().flat_map(|realm| in_realm(client, realm)));
    all
}

/// Whether it signs people in, and its realm has nowhere to send them yet.
pub(crate) fn lacks_login(client: &Client, realm: Option<&Realm>) -> bool {
    let signs_in = client.may_use(GrantType::AuthorizationCode.name());
    signs_in && realm.is_some_and(|realm| realm.login_url.is_none())
}

/// Why some of its scopes can never be granted.
pub(crate) fn unknown_scopes(client: &Client, realm: Option<&Realm>) -> Option<String> {
    let scopes = realm?.scopes.as_ref()?;
    let own = client.scope.tokens().iter();
    let own = own.chain(client.hidden_scope.tokens());
    let unknown = own.filter(|token| !scopes.contains(token));
    let unknown = unknown.map(String::as_str).collect::<Vec<_>>();
    (!unknown.is_empty()).then(|| {
        format!(
            "the realm does not have the scopes `{}`: add them to its `scopes` in wrangler.toml",
            unknown.join(" ")
        )
    })
}

/// Of those, why it can never work in any realm.
fn of_record(client: &Client) -> Vec<String> {
    let mut all = Vec::new();
    let grants = client.grant_types.iter();
    for grant in grants.filter(|grant| GrantType::parse(grant).is_none()) {
        let known = GrantType::ALL.map(GrantType::name).join("`, `");
        all.push(format!(
            "grant type `{grant}` is not served: there are `{known}`"
        ));
    }
    let may_use = |grant_type: GrantType| client.may_use(grant_type.name());
    for grant_type in GrantType::ALL {
        let is_refused = grant_type.needs_credentials() && !client.is_confidential();
        if is_refused && may_use(grant_type) {
            all.push(format!(
                "{} needs a client that authenticates, and its authentication method is `none` \
                 (RFC 6749 §4.4)",
                grant_type.name()
            ));
        }
    }
    for (grant_type, is_missing, what) in [
        (
            GrantType::AuthorizationCode,
            client.redirect_uris.is_empty(),
            "at least one redirect URI (--redirect-uri)",
        ),
        (
            GrantType::ClientAuthenticatedUser,
            !client.trusted,
            "a trusted client (--trusted)",
        ),
        (
            GrantType::JwtBearer,
            client.trusted_issuers.is_empty(),
            "at least one trusted issuer (--trusted-issuer)",
        ),
    ] {
        if is_missing && may_use(grant_type) {
            all.push(format!("{} needs {what}", grant_type.name()));
        }
    }
    for (member, values) in [
        ("audience", &client.audience),
        ("exchange_audience", &client.exchange_audience),
        ("resources", &client.resources),
    ] {
        // What it answers for can be the id of a client, which may have spaces.
        let is_id = |value: &str| member == "resources" && ClientId::parse(value).is_some();
        let is_bad = |value: &&String| {
            value.is_empty() || value.contains(char::is_whitespace) && !is_id(value)
        };
        for value in values.iter().filter(is_bad) {
            all.push(format!(
                "member `{member}`: `{value}` must be one value, not empty and without white space"
            ));
        }
    }
    all
}

/// Of those, why it can never work in this realm.
fn in_realm(client: &Client, realm: &Realm) -> Vec<String> {
    let mut all = Vec::new();
    let user = GrantType::ClientAuthenticatedUser.name();
    if client.may_use(user) && !realm.dialect.has_client_authenticated_user {
        all.push(format!(
            "grant type `{user}` is not served in a realm that talks like {}",
            realm.dialect.name
        ));
    }
    for name in &client.trusted_issuers {
        let mut known = realm.trusted_issuers.iter();
        if !known.any(|issuer| issuer.name.as_str() == name) {
            let known = realm.trusted_issuers.iter();
            let known = known.map(|issuer| issuer.name.as_str()).collect::<Vec<_>>();
            let known = match known.is_empty() {
                true => "it has none".to_owned(),
                false => format!("it has `{}`", known.join("`, `")),
            };
            all.push(format!(
                "the realm does not have the trusted issuer `{name}`: {known}"
            ));
        }
    }
    all
}
