"""The check of key sets: what would break sign-in, now or later."""

from __future__ import annotations

from trustkeys.core.numericdate import NumericDateInput
from trustkeys.formats.answers import Document, read_key_sets
from trustkeys.keyset.audit import Audit, AuditedSet, audit
from trustkeys.keyset.finding import Finding

__all__ = ["Audit", "AuditedSet", "Finding", "audit", "audit_key_sets", "check_key_set"]

__tracebackhide__ = True


def check_key_set(
    document: Document,
    *,
    at: NumericDateInput = None,
    until: NumericDateInput = None,
    private: bool | None = None,
) -> list[Finding]:
    """Look for what would break sign-in, in a JWK Set or an answer of Graph, valid or not.

    The document can be

    * a JWK Set (RFC 7517 section 5) to upload
    * a JWK Set of public keys without an `id`, as a policy publishes it; its keys may differ in
      `kty` and `use`, and may have no `use`
    * an answer of Graph, as it is, or as ``az rest`` or PowerShell's ConvertTo-Json write it: to
      GET keySets/{id}, to GET keySets/{id}/keys_v2, to GET keySets (all of its sets are checked,
      except deleted ones with the suffix ``.bak``), or to GET keys_v2/{kid} (only the key is
      checked)

    These are errors:

    * keys that the service would refuse, with its error codes: malformed ones, and different
      `kty` (``AADB2C95032``) or `use` (``AADB2C95042``) in one set
    * ``DuplicateKid``: two keys with the same `kid`
    * ``NoActiveKey``: a time without an active key
    * ``AADB2C90085``: a key without the private part that it needs
    * ``TestKey``: a test key (`trustkeys.testing`), whose private part is public
    * ``BrokenKey``: an RSA modulus that others can factor: of the form of CVE-2017-15361 (ROCA),
      with close primes or a small factor, a square, or a prime number

    These are warnings:

    * ``ExpiresSoon``: an active key expires within 30 days, and no newer key takes over before
    * ``NoSafetyNet``: no enabled key is without dates, and at some time all have expired
    * ``StartsSoon``: a key starts within the 3 hours that the service can take to notice it
    * ``WeakKey``: an RSA key of fewer than 2048 bits or with an exponent below 65537, or a secret
      of fewer than 256 bits
    * ``UntestedKeys``: the slow tests for `BrokenKey` would take too long for so many keys
    * ``EndsBeforeTokens``: an `enc` key expires before the refresh tokens that it encrypts
    * ``UnlikelyDate``: a date that was surely meant as something else, or a validity of over 100
      years
    * ``SharedKey``: the same key under two kids, or in two sets of the document
    * ``UnexpectedUse``: the id of the set speaks of signing, and its keys are for `enc`, or the
      other way round
    * ``InvalidKeyOps``: `key_ops` that do not fit `use`, or with a name twice (RFC 7517 section
      4.3)
    * ``CertificateExpired``: the certificate of a key that can still be used has expired
    * ``CertificateEndsEarly``: a certificate ends before its key
    * ``CertificateStartsLate``: a certificate starts after its key, and is not valid yet
    * ``CertificateUse``: a certificate's key usage does not allow the `use`
    * ``UnknownStatus``: a key in an answer has a status of a later version of Graph
    * ``IncompleteAnswer``: the answer goes on, in ``@odata.nextLink``

    Args:
        document: A mapping or a list, or JSON text of at most 16 MiB.
        at: The time to use as now: whole seconds since 1970, or an aware datetime. Default: now.
        until: There must be no gap before this time. Default: the end of the last key.
        private: Whether keys without their private part are errors. They are when the set is to
            be uploaded. Default: yes, except in a published JWK Set, and in an answer of Graph,
            which never has them.

    Returns:
        Errors first; errors and warnings each in the order of their times.

    Raises:
        InvalidInputError: ``AADB2C95026`` not JSON, no list of keys, or over 5,000 keys;
            ``BadRequest`` `until` is not after `at`, or one of them is not a time.
    """
    return [*audit_key_sets(document, at=at, until=until, private=private).findings]


def audit_key_sets(
    document: Document,
    *,
    at: NumericDateInput = None,
    until: NumericDateInput = None,
    private: bool | None = None,
) -> Audit:
    """Check all key sets of a tenant, and sum up each.

    Args:
        document: As `check_key_set`: above all, the answer to GET keySets.
        at: As `check_key_set`.
        until: As `check_key_set`.
        private: As `check_key_set`.

    Raises:
        InvalidInputError: As `check_key_set`.
    """
    return audit(read_key_sets(document), at=at, until=until, private=private)
