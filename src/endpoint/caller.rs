//! Who calls: the client that a browser names, a client that authenticates, whoever has a key or
//! certificate, and whoever has an access token.

use std::rc::Rc;

use super::rate_limit;
use crate::auth_method::AuthMethod;
use crate::client::Client;
use crate::client_auth::Credentials;
use crate::context::Context;
use crate::dpop::{self, Proof, ProofError};
use crate::error::{Failure, NoAuthorizationClient, Rejection};
use crate::error_code::ErrorCode;
use crate::family::act::Act;
use crate::family::{FamilyId, Refusal};
use crate::form::Form;
use crate::http::Request;
use crate::name::ClientId;
use crate::proof::assertion::AssertionError;
use crate::proof::confirmation::Confirmation;
use crate::realm::Realm;
use crate::store::Store;
use crate::token::access_token::{AccessToken, Standing};

/// Finds the client that a browser's request names. It is not authenticated, so whoever asks in its
/// name uses up a limit of their own; and who guesses at ids is not told which exist.
pub(super) async fn registered<S: Store>(
    form: &Form<'_>,
    realm: &Realm,
    context: &mut Context<'_, S>,
) -> Result<Rc<Client>, Failure> {
    let id = form.value("client_id").ok_or(Rejection::InvalidRequest(
        "The parameter client_id is missing.",
    ))?;
    let client = match ClientId::parse(id) {
        Some(id) => context.client(realm, &id).await?,
        None => None,
    };
    let Some(client) = client else {
        // What it takes to read a record, so that time does not tell who has one.
        std::hint::black_box(Client::parse_decoy());
        return Err(Rejection::from(NoAuthorizationClient::Unknown).into());
    };
    context.audit.client_id = Some(client.client_id.to_string());
    if client.disabled {
        return Err(Rejection::from(NoAuthorizationClient::Disabled).into());
    }
    if client.redirect_uris.is_empty() {
        return Err(Rejection::from(NoAuthorizationClient::NoRedirectUris).into());
    }
    rate_limit::rate(&client, false, realm, context).await?;
    Ok(client)
}

/// Lets an act happen to a family for a caller who shows nothing but a secret of it. What is refused
/// is `told` so and counted as a failed authentication.
pub(super) async fn act<S: Store, A: Act>(
    family: FamilyId,
    act: A,
    told: fn(Refusal) -> Rejection,
    realm: &Realm,
    context: &mut Context<'_, S>,
) -> Result<A::Answer, Failure> {
    rate_limit::tries(family, realm, context).await?;
    match context.act(realm, family, act).await {
        Err(Failure::Rejection(Rejection::Refused(why))) => {
            Err(rate_limit::failure(told(why), context).await.into())
        }
        answered => answered,
    }
}

/// Counts what a client without credentials does with a refresh token, where no limit of its own holds
/// it up.
pub(super) async fn count_public<S: Store>(
    client: &Client,
    family: FamilyId,
    realm: &Realm,
    context: &mut Context<'_, S>,
) -> Result<(), Rejection> {
    match client.is_confidential() {
        true => Ok(()),
        false => rate_limit::tries(family, realm, context).await,
    }
}

/// Finds the client that a request is from and checks its credentials (RFC 6749 §3.2.1). Too many
/// that fail from one address are told so; who has good ones is never held up by others that do not.
pub(super) async fn authenticate<S: Store>(
    request: &Request<'_>,
    form: &Form<'_>,
    realm: &Realm,
    context: &mut Context<'_, S>,
) -> Result<Rc<Client>, Failure> {
    let verified = verify(request, form, realm, false, context).await;
    counted(verified, context).await
}

/// Counts an authentication that failed.
async fn counted<S: Store>(
    verified: Result<Rc<Client>, Failure>,
    context: &mut Context<'_, S>,
) -> Result<Rc<Client>, Failure> {
    match verified {
        Err(Failure::Rejection(why)) if why.code() == ErrorCode::InvalidClient => {
            Err(rate_limit::failure(why, context).await.into())
        }
        verified => verified,
    }
}

/// The same where a request makes something: only so many in the name of one client. They are counted
/// once an assertion is used: whoever has a used one could else use them up with it.
pub(super) async fn authenticate_limited<S: Store>(
    request: &Request<'_>,
    form: &Form<'_>,
    realm: &Realm,
    context: &mut Context<'_, S>,
) -> Result<Rc<Client>, Failure> {
    let client = authenticate(request, form, realm, context).await?;
    rate_limit::rate(&client, client.is_confidential(), realm, context).await?;
    Ok(client)
}

async fn verify<S: Store>(
    request: &Request<'_>,
    form: &Form<'_>,
    realm: &Realm,
    is_for_confidential: bool,
    context: &mut Context<'_, S>,
) -> Result<Rc<Client>, Failure> {
    let credentials = Credentials::parse(request.authorization, form, realm.dialect)?;
    let (key, now) = (context.client_secrets_key, context.now);
    let check = |client: Option<&Client>| {
        let evidence = credentials.verify(client, realm, request.connection, key, now)?;
        match is_for_confidential && !client.is_some_and(Client::is_confidential) {
            true => Err(Failure::from(Rejection::NoCredentials)),
            false => Ok(evidence),
        }
    };
    let mut refusal = Rejection::UnknownClient.into();
    for id in credentials.client_ids() {
        let copied = context.copied_client(realm, &id);
        let copied = copied.map(|(copy, is_stale)| (check(Some(&copy)), copy, is_stale));
        let (client, verified) = match copied {
            Some((verified, copy, is_stale)) if verified.is_ok() || is_stale => {
                (Some(copy), verified)
            }
            // No cached record refuses while storage answers, so new credentials are good at once.
            copied => {
                let client = context.read_client(realm, &id).await?;
                if client.is_none() {
                    // What it takes to read a record, so that time does not tell who has one.
                    std::hint::black_box(Client::parse_decoy());
                }
                // By its content: two records can be written within one second.
                let same = copied.filter(|(_, copy, _)| client.as_ref() == Some(copy));
                let verified = match same {
                    Some((refused, ..)) => refused,
                    None => check(client.as_deref()),
                };
                (client, verified)
            }
        };
        let Some(client) = client else {
            continue;
        };
        context.audit.client_id = Some(client.client_id.to_string());
        match verified {
            Ok(evidence) => {
                context.audit.auth_method = evidence.method.map(AuthMethod::name);
                context.audit.secret_id = evidence.secret_id;
                context.audit.client_kid = evidence.client_kid;
                context.audit.ignored_keys = evidence.ignored_keys;
                if let Some(mark) = evidence.mark
                    && !context.consume(&mark).await?
                {
                    return Err(Rejection::from(AssertionError::Replayed).into());
                }
                return Ok(client);
            }
            Err(Failure::Fault(fault)) => return Err(fault.into()),
            Err(rejection) => {
                context.audit.ignored_keys = client.ignored_keys();
                refusal = rejection;
            }
        }
    }
    Err(refusal)
}

/// The same for endpoints that tell only clients who show that they are (RFC 7662 §2.1).
pub(super) async fn authenticate_confidential<S: Store>(
    request: &Request<'_>,
    form: &Form<'_>,
    realm: &Realm,
    context: &mut Context<'_, S>,
) -> Result<Rc<Client>, Failure> {
    let verified = verify(request, form, realm, true, context).await;
    counted(verified, context).await
}

/// What an authenticated client's tokens are bound to: the key of the request's proof (RFC 9449 §5),
/// and the certificate of a client whose record wants that (RFC 8705 §3). A client that may have no
/// bearer tokens and shows no proof is bound to the certificate that it shows.
pub(super) async fn confirmation<S: Store>(
    request: &Request<'_>,
    proof: Option<Proof>,
    client: &Client,
    realm: &Realm,
    context: &mut Context<'_, S>,
) -> Result<Confirmation, Failure> {
    if client.dpop_bound_access_tokens && proof.is_none() {
        return Err(Rejection::from(ProofError::Missing).into());
    }
    let x5t_s256 = if client.tls_client_certificate_bound_access_tokens {
        Some(certificate_thumbprint(request).ok_or(Rejection::BoundCertificateMissing)?)
    } else if proof.is_none() && realm.requirements.bound_tokens_of(client) {
        Some(certificate_thumbprint(request).ok_or(Rejection::from(ProofError::Missing))?)
    } else {
        None
    };
    let jkt = match proof {
        Some(proof) => Some(
            use_proof(proof, context)
                .await?
                .ok_or(Rejection::from(ProofError::Replayed))?,
        ),
        None => None,
    };
    context.audit.jkt.clone_from(&jkt);
    context.audit.x5t_s256.clone_from(&x5t_s256);
    Ok(Confirmation { jkt, x5t_s256 })
}

/// The access token of a request to an endpoint that it opens (RFC 6750 §2.1, RFC 9449 §7.1), in the
/// hands of whom it is for.
pub(super) async fn access_token<S: Store>(
    request: &Request<'_>,
    realm: &Realm,
    context: &mut Context<'_, S>,
) -> Result<(AccessToken, Standing), Failure> {
    // 1. The token, from the header alone.
    let credentials = request.authorization.and_then(|text| text.split_once(' '));
    let (scheme, text) = credentials.ok_or(Rejection::NoBearerToken)?;
    let text = text.trim();
    let by_proof = scheme.eq_ignore_ascii_case("DPoP");
    if !by_proof && !scheme.eq_ignore_ascii_case("Bearer") {
        return Err(Rejection::NoBearerToken.into());
    }
    let token = AccessToken::verify(realm, text, context.now)?;
    // 2. Its holder (RFC 9449 §7.2: a bound token is no bearer token).
    let confirmation = &token.confirmation;
    if by_proof != confirmation.jkt.is_some() {
        return Err(Rejection::InvalidAccessToken("bound to a key, or not").into());
    }
    let proof = match by_proof {
        true => {
            let proof = dpop::verify(request, realm, Some(text), context.now);
            let proof = proof.map_err(Rejection::ResourceProof)?;
            Some(proof.ok_or(Rejection::ResourceProof(ProofError::Missing))?)
        }
        false => None,
    };
    let shown = Confirmation {
        jkt: proof.as_ref().map(|proof| proof.jkt.clone()),
        x5t_s256: match confirmation.x5t_s256 {
            Some(_) => certificate_thumbprint(request),
            None => None,
        },
    };
    if !confirmation.is_met_by(&shown) {
        return Err(match shown.jkt == confirmation.jkt {
            true => Rejection::InvalidAccessToken("bound to a certificate"),
            false => Rejection::ResourceProof(ProofError::OtherKey),
        }
        .into());
    }
    // 3. It still holds.
    let standing = token.check(realm, context).await?;
    if let Some(proof) = proof
        && use_proof(proof, context).await?.is_none()
    {
        return Err(Rejection::ResourceProof(ProofError::Replayed).into());
    }
    Ok((token, standing))
}

fn certificate_thumbprint(request: &Request<'_>) -> Option<String> {
    request.connection?.certificate()?.thumbprint()
}

/// Uses a proof, once (RFC 9449 §11.1); `None` if it was used before.
pub(super) async fn use_proof<S: Store>(
    proof: Proof,
    context: &mut Context<'_, S>,
) -> Result<Option<String>, Failure> {
    let is_first = context.consume(&proof.mark).await?;
    Ok(is_first.then_some(proof.jkt))
}
