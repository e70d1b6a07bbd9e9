"""Who we are, to providers that a fixed key does not satisfy.

    signer.py    Signer, what the driver asks; signer_for, which makes one for a provider's `auth`
    renewed.py   a token or a pair of keys, fetched ahead of its expiry, once for all who wait
    oauth.py     a token endpoint asked, its answer read, its token put in the headers
    aws.py       SigV4 and AWS's own chain of credentials (extra `aws`)
    google.py    service accounts and application default credentials (extra `google`)
    azure.py     Microsoft Entra: client secrets and workload identity

While what was fetched is good, `sign` does not wait. What can wait (files, metadata servers, token endpoints, the hash
of a large body) runs in a thread, because the libraries that know these places block.
"""
