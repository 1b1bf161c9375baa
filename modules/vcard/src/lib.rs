//! vcard-temp (XEP-0054) with avatars in presence (XEP-0153)
