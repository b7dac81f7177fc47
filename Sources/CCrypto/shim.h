// SPDX-License-Identifier: Apache-2.0
// OpenSSL's libcrypto: SHA-256.
#include <openssl/evp.h>
