"""What instruments and people leave on medical pictures: black corners, bubbles, ink and burnt-in characters."""
