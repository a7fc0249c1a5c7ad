"""The pages of the studio; `navigation.py` frames them, `app.py` serves them."""
