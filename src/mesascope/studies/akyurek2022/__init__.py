"""Akyurek et al. 2022: which learning algorithm is in-context learning?"""
