// A certified OpenID provider (npm "oidc-provider"), with one user for every name: `node oidc_provider.mjs <port>`.
// POST /test/rotate makes a new signing key; with {"keep": false} the old one is gone at once.
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { randomBytes } from 'node:crypto';
import http from 'node:http';

const require = createRequire(pathToFileURL(`${process.cwd()}/`));
const { default: Provider, interactionPolicy } = await import(pathToFileURL(require.resolve('oidc-provider')));
const { generateKeyPair, exportJWK } = await import(pathToFileURL(require.resolve('jose')));

const port = Number(process.argv[2]);
const issuer = `http://127.0.0.1:${port}`;
const resource = 'urn:tollway';
const groups = { alice: ['eng', 'staff'], bob: ['sales'] };

const fresh = async (alg, options) => {
  const { privateKey } = await generateKeyPair(alg, { extractable: true, ...options });
  return { ...(await exportJWK(privateKey)), alg, use: 'sig', kid: `${alg}-${randomBytes(6).toString('hex')}` };
};
let keys = [await fresh('RS256', { modulusLength: 2048 }), await fresh('ES256')];
const grants = ['authorization_code', 'refresh_token', 'client_credentials', 'urn:ietf:params:oauth:grant-type:device_code'];

const made = () => new Provider(issuer, {
  jwks: { keys },
  clients: [
    {
      client_id: 'tollway', client_secret: 'tollway-secret-of-the-tests', grant_types: grants, response_types: ['code'],
      redirect_uris: (process.env.REDIRECT_URIS ?? 'http://127.0.0.1:9/callback').split(' '),
    },
    { client_id: 'code-review-bot', client_secret: 'bot-secret-of-the-tests', grant_types: ['client_credentials'], response_types: [], redirect_uris: [] },
    { client_id: 'cli', token_endpoint_auth_method: 'none', application_type: 'native', grant_types: [grants[3], 'refresh_token'], response_types: [], redirect_uris: [] },
  ],
  scopes: ['openid', 'offline_access', 'profile', 'email', 'groups'],
  claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['name'], groups: ['groups'] },
  conformIdTokenClaims: false,
  pkce: { required: () => false },
  features: {
    clientCredentials: { enabled: true },
    deviceFlow: { enabled: true },
    devInteractions: { enabled: true },
    resourceIndicators: {
      enabled: true,
      defaultResource: () => resource,
      useGrantedResource: () => true,
      getResourceServerInfo: () => ({
        scope: 'openid email profile groups use', audience: 'tollway', accessTokenFormat: 'jwt', accessTokenTTL: 3600,
        jwt: { sign: { alg: process.env.TOKEN_ALG ?? 'RS256' } },
      }),
    },
  },
  async extraTokenClaims(_, token) {
    const id = token.accountId;
    return id === undefined ? undefined : { email: `${id}@example.com`, email_verified: true, groups: groups[id] ?? [], name: id };
  },
  async findAccount(_, id) {
    return { accountId: id, claims: () => ({ sub: id, email: `${id}@example.com`, email_verified: true, name: id, groups: groups[id] ?? [] }) };
  },
  cookies: { keys: [randomBytes(16).toString('hex')] },
});

let answer = made().callback();
const server = http.createServer(async (request, response) => {
  if (request.method === 'POST' && request.url === '/test/rotate') {
    let body = '';
    for await (const piece of request) body += piece;
    const keep = body === '' || JSON.parse(body).keep !== false;
    const next = [await fresh('RS256', { modulusLength: 2048 }), await fresh('ES256')];
    keys = keep ? [...next, ...keys] : next;
    answer = made().callback();
    response.end(JSON.stringify({ keys: keys.map((key) => key.kid) }));
    return;
  }
  answer(request, response);
});
server.listen(port, '127.0.0.1', () => console.log(`listening on ${issuer}`));
