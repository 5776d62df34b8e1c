"""Where things are in a face. Boxes are shares of the side of its picture: top, bottom, left, right.

For crops of drawings by preprocess.py they were chosen on the mean of 20,000 faces. For crops of photos by encode.py,
the part lies between eyes and mouth.
"""

PARTS = ("skin", "hair", "other", "eyes")  # of a drawn face; each pixel belongs to one

SKIN_OF_PHOTOS = (0.40, 0.60, 0.22, 0.78)
CHEEKS = (0.625, 0.734, 0.406, 0.594)
EYES = (0.453, 0.625, 0.219, 0.781)
CROWN = (0.0625, 0.219, 0.3125, 0.6875)
BESIDE_THE_JAW = ((0.719, 0.969, 0.031, 0.219), (0.719, 0.969, 0.781, 0.969))

# How flaws of a drawn face are counted (drawing/flaws.py, models/flaws.py). Lengths are shares of the side of the face.
EYE_REACH = 0.15  # an eye is all that is eye so near to its place
MOUTH_REACH = 0.13, 0.07  # from the middle of a mouth to its sides, and to its top and bottom
UNLIKE, UNEVEN = 0.2, 0.3  # how much a difference of the eyes counts, and an uneven mouth, beside unclear eyes
