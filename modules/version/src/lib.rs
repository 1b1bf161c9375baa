//! Software Version (XEP-0092)
