"""An open question of Sander et al. 2024: does the layer still make a gradient step where dynamics do not commute?"""
