"""Sign in, and who has signed in."""

import streamlit as st

from cadenza_core.people import Person
from pages.access import providers

from .messages import plain

__all__ = ["sign_in", "signed_in"]


def sign_in() -> None:
    """Show the page of those who have not signed in."""
    st.title("Cadenza Studio")
    st.markdown("Sign in to go on. A link that you were given works afterwards: open it again.")
    for name in providers():
        label = f"Sign in with {plain(name.replace('_', ' ').title())}" if name else "Sign in"
        if st.button(label, key=f"sign_in_{name}", type="primary", icon=":material/login:"):
            st.login(name or None)


def signed_in(who: Person) -> None:
    """Show who has signed in, beside the pages; nothing where nobody needs to."""
    if not who.id:
        return
    with st.sidebar:
        st.caption(f"{plain(who.name)}, {who.role.name.lower()}")
        if st.button("Sign out", icon=":material/logout:"):
            st.logout()
