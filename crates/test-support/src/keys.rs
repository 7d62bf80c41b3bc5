//! Keys that are known to everybody.

/// Two RSA private keys of 2048 bits (PKCS #8, DER), made for the tests with `openssl genpkey`; `ring`
/// makes none.
pub const RSA_KEYS: [&[u8]; 2] =
    [include_bytes!("../keys/rsa-1.pk8"), include_bytes!("../keys/rsa-2.pk8")];

/// RSA private keys that `ring` does not take: of 2056 bits, of 1024 bits, and with the public exponent 3.
pub const UNUSUAL_RSA_KEYS: [&[u8]; 3] = [
    include_bytes!("../keys/rsa-2056-bits.pk8"),
    include_bytes!("../keys/rsa-1024-bits.pk8"),
    include_bytes!("../keys/rsa-exponent-3.pk8"),
];
