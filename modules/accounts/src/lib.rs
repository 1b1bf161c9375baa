//! Accounts: SCRAM verifiers, disabling, deletion with everything an account owns
