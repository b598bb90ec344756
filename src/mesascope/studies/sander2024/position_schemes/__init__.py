"""An open question of Sander et al. 2024: which position encodings can hold the solution, and which find it?"""
