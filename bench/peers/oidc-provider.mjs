// P3: oidc-provider on Node, which gives client_credentials a JWT, with its own adapter in memory.
//
// PORT, PRIVATE_JWK, CLIENT_ID and CLIENT_SECRET come from the environment.

import Provider from "oidc-provider";

const { PORT, PRIVATE_JWK, CLIENT_ID, CLIENT_SECRET } = process.env;
const issuer = `http://127.0.0.1:${PORT}`;
const scope = "read write";

const provider = new Provider(issuer, {
  clients: [{
    client_id: CLIENT_ID, client_secret: CLIENT_SECRET, grant_types: ["client_credentials"],
    response_types: [], redirect_uris: [], scope, id_token_signed_response_alg: "ES256",
  }],
  jwks: { keys: [JSON.parse(PRIVATE_JWK)] },
  scopes: ["read", "write"],
  ttl: { ClientCredentials: 300 },
  features: {
    devInteractions: { enabled: false },
    clientCredentials: { enabled: true },
    resourceIndicators: {
      enabled: true,
      defaultResource: () => issuer,
      getResourceServerInfo: () => ({
        scope, accessTokenFormat: "jwt", accessTokenTTL: 300, jwt: { sign: { alg: "ES256" } },
      }),
    },
  },
});
provider.listen(Number(PORT), "127.0.0.1");
